"""The body of a judge's reply, read by hand: the library's objects take any value for any field."""

import json
from typing import Any

from itl_bench.measures.judge import Judge
from itl_bench.stages.judges.faults import CutError, Fault, PassingFault
from itl_bench.stages.judges.judgement import Judgement, Request, Usage
from itl_bench.stages.judges.parsing import parse


def read_body(body: bytes) -> dict[str, Any]:
    """The JSON object of a reply.

    Raises:
        PassingFault: It is none: a page, or cut.
    """
    try:
        read = json.loads(body)
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict):
        raise PassingFault(f"the reply is no JSON object: {body[:100].decode('utf-8', 'replace')!r}")
    return read


def usage_of(body: dict[str, Any]) -> Usage | None:
    """Tokens as the server counts them; None where it tells no whole numbers, or none for the request."""
    usage = body.get("usage")
    if not isinstance(usage, dict):
        return None
    sent, received = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if type(sent) is not int or type(received) is not int or sent <= 0 or received < 0:
        return None
    return Usage(sent=sent, received=received)


def judged(body: dict[str, Any], judge: Judge, request: Request) -> Judgement:
    """What the first choice of a reply says, without what it cost.

    Args:
        body: Of the reply.
        judge: Who was asked; a reply that names no model is taken for theirs.
        request: What was asked.

    Raises:
        Fault: It is another model's, a refusal, or has no text; one that passes where there is no choice at all.
    """
    if body.get("model") not in (None, "", judge.model):
        raise Fault(f"the reply is from {body['model']!r}; asked was {judge.model!r}")
    choices = body.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    message = first.get("message") if isinstance(first, dict) else None
    if not isinstance(first, dict) or not isinstance(message, dict):
        raise PassingFault(f"a reply without choices{_error(body)}")
    _ended(first.get("finish_reason"), judge)
    if refusal := message.get("refusal"):
        raise Fault(f"the judge declines: {refusal}", "refusal")
    return Judgement(**parse(_text(message), request)._asdict(), usage=usage_of(body))


def _ended(reason: object, judge: Judge) -> None:
    """Is the reply there to its end?"""
    if reason == "content_filter":
        raise Fault("the server filters the reply", "refusal")
    if reason == "length":
        detail = f"the reply reached {judge.max_tokens} tokens, its reasoning included: see the judge's max_tokens"
        raise CutError(detail, "unparseable")


def _text(message: dict[str, Any]) -> str:
    """The text of a message; its reasoning is none."""
    text = message.get("content")
    if isinstance(text, str) and text.strip():
        return text
    reasoning = message.get("reasoning_content") or message.get("reasoning")
    beside = f"; its {len(str(reasoning)):,} characters of reasoning are no answer" if reasoning else ""
    raise Fault(f"the reply has no text{beside}", "unparseable")


def _error(body: dict[str, Any]) -> str:
    return f": {body['error']}" if body.get("error") else ""
