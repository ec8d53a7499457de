"""What a test report carries from a worker to the controller, and the words that the terminal has for it."""

from collections.abc import Mapping
from typing import Any

CARRIED = "itl_bench"  # attribute of a report; its value is plain data, so that it travels between processes

Status = tuple[str, str, tuple[str, dict[str, bool]]]

_LETTERS = {"SUPPORTED": "S", "REFUTED": "R", "INCONCLUSIVE": "I"}
_COLOURS = {"SUPPORTED": "blue", "REFUTED": "red", "INCONCLUSIVE": "yellow"}


def status_of(carried: Mapping[str, Any]) -> Status | None:
    """Category, letter and word of a report; None leaves it to pytest (a case that was not run is a plain skip)."""
    if "crashed" in carried:
        return "error", "E", ("ERROR", {"red": True})
    case = carried["case"]
    if carried.get("asserted"):
        return "failed", "F", (f"FAILED on {case['verdict']}", {"red": True})
    verdict, status = case.get("verdict"), case.get("recorded_status")
    if verdict is None:
        return None
    if status == "changed":
        return "changed", "C", (f"CHANGED to {verdict} from {case['recorded_verdict']}", {"red": True, "bold": True})
    if status == "drift":
        return "drift", "D", (f"DRIFT to {verdict} from {case['recorded_verdict']}", {"yellow": True})
    recorded = " as recorded" if status == "as-recorded" else ""
    return verdict.lower(), _LETTERS[verdict], (f"{verdict}{recorded}", {_COLOURS[verdict]: True})
