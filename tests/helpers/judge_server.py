"""A judge's server on the loopback: what it sends, and how badly, is scripted; what it got and sent is kept."""

import json
import os
import socket
import struct
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL = "judge-2026-01-01"


@dataclass(frozen=True)
class Asked:
    """A request as it arrived.

    Attributes:
        number: Of the request, from 0, in the order of arrival.
        method: GET, POST, ...
        path: With its query, as /v1/chat/completions.
        headers: Their names in lower case.
        raw: The body's bytes.
    """

    number: int
    method: str
    path: str
    headers: Mapping[str, str]
    raw: bytes

    @property
    def body(self) -> dict[str, Any]:
        """The body as JSON; empty where it is none, as of a GET or of a file."""
        try:
            read = json.loads(self.raw)
        except ValueError:
            return {}
        return read if isinstance(read, dict) else {}

    @property
    def text(self) -> str:
        """What the judge is asked: the last message."""
        return self.body["messages"][-1]["content"]


@dataclass(frozen=True)
class Reply:
    """What to send, and how.

    Attributes:
        body: All of it, as the header Content-Length promises.
        delay: Seconds before anything is sent.
        drip: Seconds before each byte of the body.
        cut: The connection is closed after so many bytes of the body.
        reset: With `cut`: the connection is reset instead of closed.
        endless: Sent over and over after the body, until the client goes away.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    delay: float = 0.0
    drip: float = 0.0
    cut: int | None = None
    reset: bool = False
    endless: bytes = b""

    @property
    def usage(self) -> tuple[int, int]:
        """Tokens of the request and of the reply that the body tells; zeros where it tells none."""
        try:
            usage = json.loads(self.body)["usage"]
            return int(usage["prompt_tokens"]), int(usage["completion_tokens"])
        except (ValueError, KeyError, TypeError):
            return 0, 0


@dataclass(frozen=True)
class Sent:
    """What became of a reply.

    Attributes:
        whole: Whether the client was there until the last byte. It is noted just before that one, so that a client that
            has its reply finds it counted.
    """

    asked: Asked
    reply: Reply
    whole: bool


Script = Callable[[Asked], Reply]


def as_json(content: object, status: int = 200, **how: Any) -> Reply:
    """A reply of JSON; `how` are other fields of `Reply`, its headers beside the type of the content."""
    headers = {"Content-Type": "application/json", **how.pop("headers", {})}
    return Reply(status, json.dumps(content).encode(), headers, **how)


def refused(status: int, message: str = "no", code: str | None = None, **how: Any) -> Reply:
    """An error as OpenAI's servers word it."""
    return as_json({"error": {"message": message, "type": code, "param": None, "code": code}}, status, **how)


def verdict(scores: Mapping[str, object], reason: str = "Because.") -> str:
    """What a judge says that follows the schema."""
    return json.dumps({column: {"reason": reason, "score": score} for column, score in scores.items()})


def completion(
    content: str | None,
    *,
    model: str = MODEL,
    usage: object = (100, 20),
    finish: str = "stop",
    message: Mapping[str, object] | None = None,
    **others: object,
) -> dict[str, object]:
    """The body of a reply.

    Args:
        content: The text of the judge.
        model: What the reply says that it is from.
        usage: Tokens of the request and of the reply; anything but a pair is sent as it is.
        finish: Why the reply ends.
        message: Further fields of the message, as its refusal.
        others: Fields of the body, in place of those made here.
    """
    if isinstance(usage, tuple):
        usage = dict(zip(("prompt_tokens", "completion_tokens"), usage, strict=True)) | {"total_tokens": sum(usage)}
    said = {"role": "assistant", "content": content, **(message or {})}
    choice = {"index": 0, "message": said, "finish_reason": finish, "logprobs": None}
    body = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": model}
    return body | {"choices": [choice], "usage": usage} | others


def scoring(scores: Mapping[str, object], model: str = MODEL) -> Script:
    """The script of a judge that always says the same."""
    return lambda asked: as_json(completion(verdict(scores), model=model))


def in_turn(*replies: Reply) -> Script:
    """Replies by the number of the request; the last one for all that come after."""
    return lambda asked: replies[min(asked.number, len(replies) - 1)]


class JudgeServer:
    """A server in threads of its own; a context manager.

    Attributes:
        script: Request -> what to send; may be replaced while the server runs.
        requests: All that arrived, in order.
    """

    def __init__(self, script: Script):
        self.script = script
        self.requests: list[Asked] = []
        self._sent: dict[int, Sent] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The base URL, as a judge has it."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    @property
    def sent(self) -> list[Sent]:
        """What became of the replies, in the order in which they ended."""
        with self._lock:
            return list(self._sent.values())

    @property
    def whole(self) -> list[Sent]:
        """The replies that were sent to their end."""
        return [one for one in self.sent if one.whole]

    @property
    def usage(self) -> tuple[int, int]:
        """Tokens of all replies with usage, those that were cut too: what a provider would have in its bill."""
        pairs = [one.reply.usage for one in self.sent if one.reply.status == 200]
        return sum(sent for sent, _ in pairs), sum(received for _, received in pairs)

    def close(self) -> None:
        """Stop at once; replies that are late are not waited for."""
        self._closed.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> "JudgeServer":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def arrived(self, handler: BaseHTTPRequestHandler) -> Asked:
        raw = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        with self._lock:
            asked = Asked(len(self.requests), handler.command, handler.path, headers, raw)
            self.requests.append(asked)
        return asked

    def ended(self, sent: Sent) -> None:
        with self._lock:
            self._sent[sent.asked.number] = sent  # once more where the last byte could not be written after all

    def wait(self, seconds: float) -> None:
        """As `time.sleep`, but over when the server closes."""
        if seconds and self._closed.wait(seconds):
            raise ConnectionAbortedError("the server closes")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a connection that is kept alive is no reason to wait
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is part of the tests; anything else is shown as ever."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def _handler(server: JudgeServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def answer(self) -> None:
            asked = server.arrived(self)
            try:
                reply = server.script(asked)
            except Exception as error:  # a script that fails is told to the client, which tests then show
                reply = refused(501, f"the script failed: {error!r}")
            try:
                server.wait(reply.delay)
                self.send(asked, reply)
            except OSError:
                self.close_connection = True
                server.ended(Sent(asked, reply, whole=False))

        do_GET = do_POST = do_DELETE = answer  # noqa: N815 - named by the standard library

        def send(self, asked: Asked, reply: Reply) -> None:
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            length = ("Transfer-Encoding", "chunked") if reply.endless else ("Content-Length", str(len(reply.body)))
            self.send_header(*length)
            self.end_headers()
            if reply.endless:
                self.send_without_end(reply)
            *pieces, last = _pieces(reply)
            for piece in pieces:
                server.wait(reply.drip)
                self.wfile.write(piece)
            server.wait(reply.drip)
            server.ended(Sent(asked, reply, whole=reply.cut is None))
            self.wfile.write(last)
            if reply.cut is not None:
                self.end_early(reply.reset)

        def send_without_end(self, reply: Reply) -> None:
            """Ends with the error that a closed connection gives."""
            piece = reply.body
            while True:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece)) if piece else None
                server.wait(reply.drip or 0.0001)
                piece = reply.endless

        def end_early(self, reset: bool) -> None:
            self.close_connection = True
            if reset:
                server.wait(0.02)  # a reset takes back what the client has not read yet
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                os.close(self.connection.detach())

        def log_message(self, *message: object) -> None:
            """Tests look at `requests` and `sent`."""

    return Handler


def _pieces(reply: Reply) -> list[bytes]:
    body = b"" if reply.endless else reply.body[: reply.cut]
    return [bytes([byte]) for byte in body] if reply.drip and body else [body]
