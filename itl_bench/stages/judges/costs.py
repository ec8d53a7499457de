"""What judging will cost, before anything is sent: as far as can be told, and at most."""

from collections.abc import Iterable

from itl_bench.measures.judge import Judge
from itl_bench.stages.judges.judgement import Request
from itl_bench.stages.judges.judging import distinct
from itl_bench.stages.judges.ledger import Ledger
from itl_bench.stages.judges.payload import payload, size_of

LETTERS = 4  # of a token, about
FILLED = 1 / 3  # of the most tokens of a reply, where none of this judge is known


def estimate(judge: Judge, requests: Iterable[Request], ledger: Ledger, batch: bool = False) -> float:
    """US dollars that requests will cost, about: four characters are a token, replies are as long as those before.

    Args:
        judge: Who is asked.
        requests: What to ask; what the ledger has costs nothing, failed judgements are asked again.
        ledger: What is known.
        batch: Whether they are sent in a batch.
    """
    if judge.prices is None:
        return 0.0
    mean = ledger.mean_received(judge.id)
    received = judge.max_tokens * FILLED if mean is None else mean
    left = unjudged(requests, ledger)
    sent = sum(len(request.text) for request in left) / LETTERS
    return judge.prices.dollars(round(sent), round(received * len(left)), batch)


def bound(judge: Judge, requests: Iterable[Request], ledger: Ledger, batch: bool = False) -> float:
    """The most US dollars that asking each of the requests once can cost.

    An attempt whose reply is lost may be on the bill, too, beside the next one: that is held by the budget alone.

    Args:
        judge: Who is asked.
        requests: What to ask; what the ledger has costs nothing.
        ledger: What is known.
        batch: Whether they are sent in a batch.
    """
    return sum(judge.bound(size_of(payload(judge, request)), batch) for request in unjudged(requests, ledger))


def unjudged(requests: Iterable[Request], ledger: Ledger) -> list[Request]:
    """Of equal requests one, without those whose judgement is final."""
    asked = distinct(requests)
    known = ledger.get(asked)
    return [one for key, one in asked.items() if key not in known or known[key].outcome == "failed"]
