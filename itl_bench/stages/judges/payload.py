"""What is sent to a judge's server for one request."""

import json
from collections.abc import Collection
from typing import Any

from itl_bench.measures.judge import Judge
from itl_bench.stages.judges.judgement import Request

OVERHEAD = 64  # tokens beside its text and schema: roles, separators


def payload(judge: Judge, request: Request, refused: Collection[str] = ()) -> dict[str, Any]:
    """The body of a chat completion.

    Args:
        judge: Who is asked.
        request: What is asked.
        refused: Fields that the server does not take: response_format is left out, max_tokens has its newer name.
    """
    text = request.text.encode("utf-8", "replace").decode()  # half a surrogate cannot be sent
    body = {"model": judge.model, "messages": [{"role": "user", "content": text}], "temperature": judge.temperature}
    body["max_completion_tokens" if "max_tokens" in refused else "max_tokens"] = judge.max_tokens
    if judge.seed is not None:
        body["seed"] = judge.seed
    if judge.structured and "response_format" not in refused:
        body["response_format"] = schema(request)
    return body


def size_of(body: dict[str, Any]) -> int:
    """The most tokens that a request can have: a token has a byte at least."""
    return len(json.dumps(body, ensure_ascii=False).encode()) + OVERHEAD


def schema(request: Request) -> dict[str, Any]:
    """The response format that makes a server keep to the columns and the scale."""
    numbers = {"type": "integer", "enum": list(range(request.lowest, request.highest + 1))}
    score = {"anyOf": [numbers, {"type": "string", "enum": ["N/A"]}]}
    columns = {column: _entries({"reason": {"type": "string"}, "score": score}) for column in request.columns}
    return {"type": "json_schema", "json_schema": {"name": "verdict", "strict": True, "schema": _entries(columns)}}


def _entries(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
