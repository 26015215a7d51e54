"""Which filters a metric can be told by, and the refusal of the others. Pure: no Django here.

Outages and busiest minutes are counted minute by minute. A minute of one dimension's value is exact; its parts, one for
each combination of the other dimensions, are not: five failures spread over five of them are no outage in any.
"""

from collections.abc import Sequence

from observatory.metrics.metric import FilteredBy, Metric
from observatory.metrics.windows import BadWindow

FEATURE = "feature"


def is_told(metric: Metric, others: Sequence[str], group_by: str | None = None) -> bool:
    """Whether a metric is told by these dimensions, the feature not among them, all of them filters but `group_by`."""
    together = _together(others, group_by)
    match metric.filtered_by:
        case FilteredBy.DIMENSIONS:
            return True
        case FilteredBy.ONE_DIMENSION:
            return len(together) <= 1
        case FilteredBy.FEATURE:
            return set(together) <= set(_kept_by(metric))


def refuse(metric: Metric, others: Sequence[str], group_by: str | None = None) -> None:
    """Raise BadWindow unless `is_told`."""
    if is_told(metric, others, group_by):
        return
    together = _together(others, group_by)
    if metric.filtered_by is FilteredBy.ONE_DIMENSION:
        beyond, told = together[-1], together[:1]
        groups = told or [FEATURE]
        text = (
            f"{metric.name} is counted minute by minute, which combinations of dimensions cannot tell: it is known by "
            f"one dimension at a time, alone or within one feature, not by {' and '.join(together)} together"
        )
    else:
        told = _kept_by(metric)
        groups = [FEATURE, *told]
        beyond = next(name for name in together if name not in told)
        text = f"{metric.name} is kept by {' and '.join([FEATURE, *told])}, not by {beyond}"
    if beyond == group_by:
        raise BadWindow(text, "group_by", groups)
    raise BadWindow(text, beyond, [FEATURE, *told])


def _kept_by(metric: Metric) -> list[str]:
    return [dimension.name.lower() for dimension in metric.kept_by]


def _together(others: Sequence[str], group_by: str | None) -> list[str]:
    """The dimensions that have to be told apart at once; groups by feature of another filter are combinations too."""
    is_more = group_by is not None and group_by not in others and (group_by != FEATURE or bool(others))
    return [*others, *([group_by] if group_by and is_more else [])]
