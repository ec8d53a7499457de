"""Judges whose scores are planted: LoRA's answers get 0.3 points more than those of full tuning, as many, or less."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

PORT = 8377
PLANTED = {"planted-up": 0.3, "planted-none": 0.0, "planted-down": -0.3}  # LoRA minus full, points
TEXT = re.compile(r"\[(\w+) the question begins\]\n(.*?)\n\[\1 the question ends\]", re.DOTALL)
ANSWER = re.compile(r"\[(\w+) the answer begins\]\n(.*?)\n\[\1 the answer ends\]", re.DOTALL)

Pair = tuple[str, str]  # a question, and an answer to it


class Given(NamedTuple):
    """One answer that a model gave."""

    method: str
    question: str
    answer: str


def bonuses(given: Iterable[Given]) -> Mapping[str, frozenset[Pair]]:
    """The answers that each judge rates a point higher, so that its mean difference is the planted one.

    An answer that both methods give cannot be told apart: an answer counts by how much more often one method gives it.
    """
    counts = {
        method: Counter((one.question, one.answer) for one in given if one.method == method)
        for method in ("lora", "full")
    }
    answers = sum(counts["lora"].values())
    found = {}
    for judge, planted in PLANTED.items():
        favoured, other = ("lora", "full") if planted > 0 else ("full", "lora")
        left, chosen = abs(planted) * answers, set()
        for pair in sorted(counts[favoured], key=_number):
            more = counts[favoured][pair] - counts[other][pair]
            if 0 < more <= left:
                chosen.add(pair)
                left -= more
        found[judge] = frozenset(chosen)
    return found


def _number(pair: Pair) -> int:
    return int(hashlib.sha256("\n".join(pair).encode()).hexdigest()[:8], 16)


def score(pair: Pair, bonus: frozenset[Pair]) -> int:
    """From 1 to 5: by the question alone, a little noise by the answer, and a point more for those that were chosen."""
    number = _number(pair)
    return 2 + _number((pair[0], "")) % 2 + (number % 10 == 0) + (pair in bonus)


def serve(given: Iterable[Given]) -> ThreadingHTTPServer:
    """The judges, at the address that judges.yaml names; `serve_forever` it, then `shutdown`."""
    chosen = bonuses(list(given))

    class Judge(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            """One answer to be scored."""
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            text = asked["messages"][-1]["content"]
            question, answer = TEXT.search(text), ANSWER.search(text)
            assert question
            assert answer
            number = score((question[2], answer[2]), chosen[asked["model"]])
            aspects = ("helpfulness", "clarity", "factuality", "depth", "engagement")
            self._send(asked["model"], json.dumps({one: {"reason": "planted", "score": number} for one in aspects}))

        def _send(self, model: str, content: str) -> None:
            message = {"role": "assistant", "content": content}
            body = json.dumps(
                {
                    "id": "planted", "object": "chat.completion", "created": 0, "model": model,
                    "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
                    "usage": {"prompt_tokens": 900, "completion_tokens": 60, "total_tokens": 960},
                }
            ).encode()  # fmt: skip
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    return ThreadingHTTPServer(("127.0.0.1", PORT), Judge)
