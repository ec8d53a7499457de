"""An engine that answers by arithmetic, with a process and shared memory of its own, as a real one has.

As a program it is a parent that asks it: `stub_engine.py FILE` writes what was answered, a line each.
"""

import multiprocessing
import os
import sys
import time
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

from itl_bench.errors import UnservedError
from itl_bench.stages.generation.child import child

TARGET, PROGRAM = "tests.helpers.stub_engine:open_stub", __file__
KEPT = []


def beside(name):
    """A process of the engine that holds memory of its own, and never ends by itself."""
    KEPT.append(SharedMemory(name, create=True, size=4096))
    time.sleep(600)


def open_stub(settings):
    """`seconds` are spent on loading and on every row; `fails` is "load", "unserved", "row", "exit" or nothing."""
    print("loading weights")
    mark, seconds, fails = settings["mark"], settings.get("seconds", 0.0), settings.get("fails")
    KEPT.append(SharedMemory(f"{mark}-a", create=True, size=4096))
    multiprocessing.get_context("spawn").Process(target=beside, args=(f"{mark}-b",)).start()
    time.sleep(seconds)
    if fails == "load":
        raise RuntimeError("no kernel image")
    if fails == "unserved":
        raise UnservedError("a model of another kind")

    def serve(request):
        for number, row in enumerate(request["rows"]):
            time.sleep(seconds)
            if fails == "row" and number == 1:
                raise ValueError("out of cache")
            if fails == "exit" and number == 1:
                print("killed by the system", flush=True)
                os._exit(9)
            yield {"row": number, "responses": [[sum(prompt) % 30] for prompt in row["prompts"]]}

    return serve


if __name__ == "__main__":
    settings = {"mark": sys.argv[2], "seconds": float(sys.argv[3])}
    with Path(sys.argv[1]).open("w", encoding="utf-8", buffering=1) as stream, child(TARGET, settings) as engine:
        for reply in engine.ask({"rows": [{"prompts": [[number]]} for number in range(20)]}):
            stream.write(f"{reply}\n")
