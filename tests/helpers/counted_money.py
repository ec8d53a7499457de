"""A budget that notes what is reserved and settled."""

from itl_bench.errors import BudgetError
from itl_bench.stages.judges.judgement import Usage


class CountedMoney:
    """Refuses what exceeds it, and whatever is settled twice.

    Attributes:
        reserved: What each reservation, by its number, set aside.
        settled: Number of the reservation -> what it did cost.
    """

    def __init__(self, budget: float = float("inf")):
        self.budget = budget
        self.reserved: list[float] = []
        self.settled: dict[int, tuple[float, Usage | None]] = {}

    @property
    def spent(self) -> float:
        """What is settled, and what is still reserved."""
        return sum(self.settled.get(number, (bound, None))[0] for number, bound in enumerate(self.reserved))

    def reserve(self, dollars: float, key: str) -> int:
        if self.spent + dollars > self.budget:
            raise BudgetError(f"no budget for {key}")
        self.reserved.append(dollars)
        return len(self.reserved) - 1

    def settle(self, reservation: int, dollars: float, usage: Usage | None) -> None:
        assert reservation not in self.settled
        self.settled[reservation] = (dollars, usage)
