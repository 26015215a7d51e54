"""How much less n events tell because users repeat themselves and days differ. Pure: no Django here.

The formulas are those of drift's baselines: a design effect from the sums of squares per user, and a variance between
days around the means of the weekdays (DerSimonian and Laird, Controlled Clinical Trials 7, 1986, with weights n_d).
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

WEEKDAY_DAYS = 21
"""From so many days on, days are compared with the same weekday's mean."""


class ClusterDay(NamedTuple):
    """A local day, as its ordinal: `n` events with mean `y`; `within` = Σ over clusters (Σx − n_u y)².

    Of a rate x is 0 or 1; of what is positive and skewed it is ln x.
    """

    ordinal: int
    n: int
    y: float
    within: float
    n_users: int


class Clusters(NamedTuple):
    """`user` is the variance of one event with users counted as they are, `between` that of the days' true means."""

    user: float = 0.0
    between: float = 0.0
    n: int = 0
    days: int = 0


NOT_CLUSTERED = Clusters()


def clusters_of(days: Sequence[ClusterDay], variance: float) -> Clusters:
    """What these days tell of repeating users and differing days; `variance` is that of an independent event."""
    used = [day for day in days if day.n > 0]
    n = sum(day.n for day in used)
    if n == 0:
        return NOT_CLUSTERED
    user = max(variance, math.fsum(day.within for day in used) / n)
    return Clusters(user, _between(_groups(used), user), n, len(used))


def design_effect(own: Clusters, steadier: Clusters, variance: float) -> float:
    """By how much n exceeds the number of independent events that tell as much; at least 1.

    Users repeat as in the `own` window; how much days differ is better known from the `steadier`, the longer one.
    """
    if variance <= 0 or own.n == 0:
        return 1.0
    return max(1.0, (own.user + steadier.between * own.n / own.days) / variance)


def longer(one: Clusters, other: Clusters) -> Clusters:
    """The one with more days; the first of equals."""
    return other if other.days > one.days else one


def _groups(days: Sequence[ClusterDay]) -> list[list[ClusterDay]]:
    if len(days) < WEEKDAY_DAYS:
        return [list(days)]
    groups: Mapping[int, list[ClusterDay]] = {weekday: [] for weekday in range(7)}
    for day in days:
        groups[day.ordinal % 7].append(day)
    return [group for group in groups.values() if group]


def _between(groups: Sequence[Sequence[ClusterDay]], variance: float) -> float:
    """How much more the days' means differ around their group's than `variance`/n_d explains; 0 when negative."""
    excess, weight = 0.0, 0.0
    for group in groups:
        n = sum(day.n for day in group)
        mean = math.fsum(day.n * day.y for day in group) / n
        excess += math.fsum(day.n * (day.y - mean) ** 2 for day in group) - variance * (len(group) - 1)
        weight += n - sum(day.n**2 for day in group) / n
    return max(0.0, excess / weight) if weight > 0 else 0.0
