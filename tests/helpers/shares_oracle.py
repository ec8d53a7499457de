"""The interval of a difference of shares by odds, one number at a time: no code of the product, nor its formulas."""

import math


def odds(share: float) -> float:
    return share / (1 - share)


def limit(share: float, error: float, quantile: float) -> float:
    """A share whose odds are those of `share` times a factor that grows faster towards even odds."""
    spread = error / share + error / (1 - share)  # of the logarithm of the odds
    longer = 1 + abs((1 - share) - share) * spread
    to_even_odds = share > 0.5 if quantile < 0 else share < 0.5
    factor = math.exp(quantile * spread * longer) if to_even_odds else math.exp(quantile * spread / longer)
    return odds(share) * factor / (1 + odds(share) * factor)


def ends(left: float, right: float, errors: tuple[float, float], quantile: float) -> tuple[float, float]:
    """How far the ends of the interval lie below and above the difference."""
    low, high = limit(left, errors[0], -quantile), limit(left, errors[0], quantile)
    lower, upper = limit(right, errors[1], -quantile), limit(right, errors[1], quantile)
    return math.sqrt((left - low) ** 2 + (upper - right) ** 2), math.sqrt((high - left) ** 2 + (right - lower) ** 2)


def errors_of_sides(error: float, left: float, right: float, variances: tuple[float, float]) -> tuple[float, float]:
    """The error of a difference, shared out: half by the sides' variances, half as if log odds varied alike."""
    alike = [1 / (1 / share + 1 / (1 - share)) ** 2 for share in (left, right)]
    of_left = 0.5 * variances[0] / (variances[0] + variances[1]) + 0.5 * alike[0] / (alike[0] + alike[1])
    return error * math.sqrt(of_left), error * math.sqrt(1 - of_left)


def drawn_in(share: float) -> float:
    return 0.002 + 0.996 * share


def variance_of_mean(means: list[float], bases: list[int]) -> float:
    """Of one value per replicate: by bases where they differ more, for even numbers of replicates per base."""
    every, n = sum(means) / len(means), len(means)
    variance = sum((mean - every) ** 2 for mean in means) / (n - 1)
    names = sorted(set(bases))
    if 1 < len(names) < n:
        of_bases = [[mean for mean, base in zip(means, bases, strict=True) if base == name] for name in names]
        centres = [sum(some) / len(some) for some in of_bases]
        between = n / len(names) * sum((centre - every) ** 2 for centre in centres) / (len(names) - 1)
        variance = max(variance, between)
    return variance / n
