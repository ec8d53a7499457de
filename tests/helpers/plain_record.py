"""A record with one case and one claim, as JSON holds it."""

RUN = {
    "id": "20260101-000000-abcdef", "started": "2026-01-01T00:00:00+00:00", "finished": "2026-01-01T00:00:01+00:00",
    "version": "0.1.0", "catalog": "0" * 64, "python": "3.11", "packages": {}, "hardware": {}, "options": {},
}  # fmt: skip
CASE = {
    "id": "C01-published", "claim": "C01", "statement": "s", "section": "3", "role": "evidence",
    "evidence": "published", "level": "published", "expect": "greater", "compared": "c", "measure": "m",
    "model": "llama7b", "dataset": "d", "method": "lora", "reason": "r",
}  # fmt: skip
CLAIM = {
    "id": "C01", "statement": "s", "section": "3", "role": "evidence", "evidence": "published", "level": "published",
    "members": 1, "missing": 1, "supported": 0, "refuted": 0, "inconclusive": 0,
}  # fmt: skip
FULL = {"run": RUN, "cases": [CASE], "claims": [CLAIM]}
