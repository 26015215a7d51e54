"""How prompts grow: the mean of 30 days against that of the 30 before.

input_tokens_growth = mean(the last 30 local days) / mean(the 30 before) − 1
"""

from collections.abc import Sequence

from ingest.timeline import Window
from observatory.metrics import formulas
from observatory.metrics.definitions import METRICS
from observatory.metrics.derived import daily
from observatory.metrics.formulas import NO_DATA
from observatory.metrics.reading import Reading, State
from observatory.metrics.shelf import Filter, Shelf

DAYS = 30


def input_tokens(shelf: Shelf, points: Sequence[Window], chosen: Filter) -> list[Reading]:
    """The relative change at the end of each window; too few calls on either side are *learning*."""
    metric = METRICS["input_tokens_mean"]
    now, then = (daily.before(shelf, metric, points, chosen, DAYS, ago) for ago in (0, DAYS))
    pairs = zip(now, then, strict=True)
    return [
        formulas.beyond(
            _grown(formulas.judge(metric, late), formulas.judge(metric, early)), formulas.merged([late, early])
        )
        for late, early in pairs
    ]


def _grown(now: Reading, then: Reading) -> Reading:
    if now.value is None or not then.value:
        return NO_DATA
    size, least = min(now.sample_size, then.sample_size), METRICS["input_tokens_growth"].minimum_sample
    if size < least:
        return Reading(State.LEARNING, sample_size=size)
    return Reading(State.OK, now.value / then.value - 1, None, size)
