"""Speed of asking a judge: judgements a second against what the latency of its server allows, on the loopback."""

import asyncio
import json
import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from itl_bench.measures.judge import LEDGER, Judge
from itl_bench.stages.judges.judgement import Request
from itl_bench.stages.judges.judging import Progress, judge_all
from itl_bench.stages.judges.ledger import Ledger

MODEL = "judge-1"
SAID = json.dumps({"depth": {"reason": "Because.", "score": 4}})
REPLY = json.dumps(
    {
        "model": MODEL,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": SAID}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 500, "completion_tokens": 60},
    }
).encode()
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(REPLY)
LETTERS = 2_000  # of a request
PIECE = 1 << 16


class Speed(NamedTuple):
    """How fast a judge was asked.

    Attributes:
        judgements: How many.
        seconds: From the first request to the last judgement, the client's start included.
        ideal: Seconds that replies of this latency take at least, so many at once.
        processor: Seconds of processor time of this process.
        waiting: Seconds that it could have run, but others had the processors.
        memory: Bytes that this process held in memory when a tenth was judged.
        memory_end: The same when all was.
        peak: The most that it ever held.
    """

    judgements: int
    seconds: float
    ideal: float
    processor: float
    waiting: float
    memory: int
    memory_end: int
    peak: int

    @property
    def share(self) -> float:
        """Of the speed that the latency allows."""
        return self.ideal / self.seconds


def judging_speed(judgements: int, concurrency: int, latency: float) -> Speed:
    """Ask a server of its own, in a process of its own, for judgements, with a ledger in a folder that goes away.

    Args:
        judgements: How many.
        concurrency: Requests at once.
        latency: Seconds that each reply takes.
    """
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    server = context.Process(target=_serve, args=(there, latency), daemon=True)
    server.start()
    try:
        judge = Judge(id="judge", model=MODEL, base_url=f"http://127.0.0.1:{here.recv()}/v1", concurrency=concurrency)
        return _measure(judge, judgements, latency)
    finally:
        server.terminate()
        server.join()


def _measure(judge: Judge, judgements: int, latency: float) -> Speed:
    asked = [Request(f"{number:032x}", f"{number:{LETTERS}d}", ("depth",)) for number in range(judgements)]
    memory: list[int] = []
    with TemporaryDirectory() as folder, Ledger(Path(folder) / LEDGER) as ledger:
        before = time.perf_counter(), time.process_time(), _waited()
        judge_all(judge, asked, ledger, "perf", 1.0, _noting(memory, judgements))
        after = time.perf_counter(), time.process_time(), _waited()
    seconds, processor, waiting = (end - start for start, end in zip(before, after, strict=True))
    ideal = -(-judgements // judge.concurrency) * latency
    return Speed(judgements, seconds, ideal, processor, waiting, memory[0], memory[-1], _kilobytes("VmHWM") * 1024)


def _noting(memory: list[int], judgements: int) -> Callable[[Progress], None]:
    """Notes what is held in memory at a tenth and at the end."""

    def note(progress: Progress) -> None:
        if progress.judged in (-(-judgements // 10), judgements):
            memory.append(_kilobytes("VmRSS") * 1024)

    return note


def _waited() -> float:
    """Seconds that this thread was ready and did not run; 0 where the system does not say it."""
    told = Path("/proc/thread-self/schedstat")
    return int(told.read_text(encoding="ascii").split()[1]) / 1e9 if told.exists() else 0.0


def _kilobytes(name: str) -> int:
    """What the system says of this process; 0 where it says nothing."""
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="ascii", errors="replace").splitlines() if status.exists() else []
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{name}:")), 0)


def _serve(pipe: Connection, latency: float) -> None:
    """Runs until it is terminated."""
    asyncio.run(_listen(pipe, latency))


async def _listen(pipe: Connection, latency: float) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The same reply to every request of a connection, after the latency."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
                await reader.readexactly(int(length.partition(b":")[2]))
                await asyncio.sleep(latency)
                writer.write(HEAD + REPLY)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, limit=PIECE)
    pipe.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()
