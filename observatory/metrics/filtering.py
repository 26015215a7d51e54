"""Which filters a metric can be told by, and the refusal of the others. Pure: no Django here.

Outages and busiest minutes are counted minute by minute. A minute of one dimension's value is exact; its parts, one for
each combination of the other dimensions, are not: five failures spread over five of them are no outage in any.
"""

from collections.abc import Sequence

from observatory.metrics.metric import FilteredBy, Kind, Metric
from observatory.metrics.windows import BadWindow

FEATURE, MODEL, TIER = "feature", "model", "tier"


def is_told(metric: Metric, others: Sequence[str], group_by: str | None = None, *, is_of_feature: bool = False) -> bool:
    """Whether a metric is told by these dimensions, the feature not among them, all of them filters but `group_by`.

    A derived metric is worked out value by value: by a dimension of hundreds that is too much for one question.
    """
    together = _together(others, group_by)
    match metric.filtered_by:
        case FilteredBy.DIMENSIONS:
            return metric.kind is not Kind.DERIVED or group_by in (None, FEATURE, MODEL)
        case FilteredBy.ONE_DIMENSION:
            return len(together) <= 1
        case FilteredBy.MODEL:
            return set(together) <= {FEATURE, MODEL}
        case FilteredBy.TIER:
            return set(together) <= {TIER}
        case FilteredBy.FEATURE:
            return not together
        case FilteredBy.PROJECT:
            return not (together or group_by or is_of_feature)


def refuse(metric: Metric, others: Sequence[str], group_by: str | None = None, *, is_of_feature: bool = False) -> None:
    """Raise BadWindow unless `is_told`."""
    if is_told(metric, others, group_by, is_of_feature=is_of_feature):
        return
    together = _together(others, group_by)
    match metric.filtered_by:
        case FilteredBy.DIMENSIONS:
            beyond, allowed = group_by or "", [FEATURE, MODEL]
            text = f"{metric.name} is worked out value by value: group it by feature or model, or filter by {beyond}"
        case FilteredBy.ONE_DIMENSION:
            beyond, allowed = together[-1], [FEATURE, together[0]]
            text = (
                f"{metric.name} is counted minute by minute, which combinations of dimensions cannot tell: it is known "
                f"by one dimension at a time, alone or within one feature, not by {' and '.join(together)} together"
            )
        case FilteredBy.MODEL:
            beyond, allowed = next(name for name in together if name not in (FEATURE, MODEL)), [FEATURE, MODEL]
            text = f"{metric.name} is kept by feature and model, not by {beyond}"
        case FilteredBy.TIER:
            beyond, allowed = next(name for name in together if name != TIER), [FEATURE, TIER]
            text = f"{metric.name} is kept by feature and tier, not by {beyond}"
        case FilteredBy.FEATURE:
            beyond, allowed = together[0], [FEATURE]
            text = f"{metric.name} is kept by feature, not by {beyond}"
        case FilteredBy.PROJECT:
            beyond, allowed = group_by or [*together, FEATURE][0], []
            text = f"{metric.name} is the whole project's: no feature and no other dimension has one of its own"
    if beyond == group_by and metric.filtered_by is FilteredBy.ONE_DIMENSION:
        allowed = allowed[1:]
    raise BadWindow(text, "group_by" if beyond == group_by else beyond, allowed)


def _together(others: Sequence[str], group_by: str | None) -> list[str]:
    """The dimensions that have to be told apart at once; groups by feature of another filter are combinations too."""
    is_more = group_by is not None and group_by not in others and (group_by != FEATURE or bool(others))
    return [*others, *([group_by] if group_by and is_more else [])]
