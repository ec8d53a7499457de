"""The batch mode of a judge's provider, as a script of the server on the loopback."""

import email
import json
import random
from email.policy import HTTP

from tests.helpers.judge_server import Reply, as_json, completion, refused, verdict


def good_row(key, body=None, status=200):
    """A row of the file of replies."""
    reply = completion(verdict({"depth": 4})) if body is None else body
    return {"id": f"row-{key}", "custom_id": key, "response": {"status_code": status, "body": reply}, "error": None}


def bad_row(key, code="batch_expired"):
    """A row of the file of errors."""
    return {"id": f"row-{key}", "custom_id": key, "response": None, "error": {"code": code, "message": "no"}}


class BatchProvider:
    """Takes files, makes batches, ends them as a test says.

    Attributes:
        files: Name -> content.
        batches: Name -> what is told of it.
        reply: Request -> what to send, asked before the provider; None leaves it to the provider.
    """

    def __init__(self):
        self.files, self.batches, self.reply = {}, {}, lambda asked: None

    def __call__(self, asked) -> Reply:
        given = self.reply(asked)
        if given is not None:
            return given
        path = asked.path.partition("?")[0].removeprefix("/v1/").split("/")
        match asked.method, path:
            case "POST", ["files"]:
                return self._file(asked)
            case "POST", ["batches"]:
                return self._batch(asked)
            case "GET", ["batches"]:
                every = [*self.batches.values()][::-1]
                return as_json({"object": "list", "data": every, "has_more": False})
            case "GET", ["batches", name] if name in self.batches:
                return as_json(self.batches[name])
            case "GET", ["files", name, "content"] if name in self.files:
                return Reply(body=self.files[name], headers={"Content-Type": "application/jsonl"})
        return refused(404, f"no {asked.path}")

    def _file(self, asked):
        head = f"Content-Type: {asked.headers['content-type']}\r\n\r\n".encode()
        message = email.message_from_bytes(head + asked.raw, policy=HTTP)
        parts = {part.get_param("name", header="content-disposition"): part for part in message.iter_parts()}
        assert parts["purpose"].get_payload() == "batch"
        name = f"file-{len(self.files)}"
        self.files[name] = parts["file"].get_payload(decode=True)
        return as_json({"id": name, "object": "file", "bytes": 1, "created_at": 1, "filename": "f", "purpose": "batch"})

    def _batch(self, asked):
        body = asked.body
        if body["input_file_id"] not in self.files:
            return refused(400, "no such file")
        name = f"batch-{len(self.batches)}"
        fields = ("completion_window", "endpoint", "input_file_id")
        self.batches[name] = {
            **{field: body[field] for field in fields},
            **{"id": name, "object": "batch", "created_at": 1, "status": "in_progress"},
            "request_counts": {"total": len(self.rows(name, body)), "completed": 0, "failed": 0},
        }
        return as_json(self.batches[name])

    def rows(self, name, told=None):
        """What a batch asks, in order."""
        told = told or self.batches[name]
        return [json.loads(line) for line in self.files[told["input_file_id"]].splitlines()]

    def keys(self, name):
        return [row["custom_id"] for row in self.rows(name)]

    def end(self, name, output, errors=(), status="completed", seed=0):
        """End a batch with such rows (objects, or bytes as they are), in any order."""
        told = self.batches[name] | {"status": status}
        told["request_counts"] = {"total": 0, "completed": len(output), "failed": len(errors)}
        for field, rows in (("output_file_id", output), ("error_file_id", errors)):
            lines = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
            random.Random(seed).shuffle(lines)
            if lines:
                told[field] = f"{name}-{field}"
                self.files[told[field]] = b"\n".join(lines) + b"\n"
        self.batches[name] = told
