"""What the API says of metrics: numbers with what they mean; unknown is null, never 0."""

from datetime import datetime
from typing import Any, NotRequired, TypedDict

from observatory.metrics.metric import Unit
from observatory.metrics.reading import Reading, Seam
from observatory.metrics.rounding import exact, exact_ends


class DefinitionShape(TypedDict):
    """A metric's definition; `window` is what it is read over unless told.

    `filtered_by`, besides the feature: dimensions (any, several at once), one_dimension (one at a time), model or tier
    (only that) or feature (none); project: not by the feature either.
    `dimension` is health, quality, cost or engagement. `numerator` and `denominator` name counters, whose sums are
    divided; `additive` says whether the points of a series add up to the value of their window. `empty` is what a window
    says in which nothing happened: zero, no_data, as_ever (it rests on more than the window) or not_instrumented.
    Until everything that it `needs` has come once, it is not_instrumented.
    `docs` is where the repository documents it, with an example.
    """

    name: str
    dimension: str
    title: str
    unit: str
    direction: str
    kind: str
    window: str
    minimum_sample: int
    maturing: bool
    filtered_by: str
    numerator: list[str]
    denominator: list[str]
    formula: str
    additive: bool
    empty: str
    needs: list[str]
    doc: str
    docs: str


class DefinitionsShape(TypedDict):
    """Every metric."""

    metrics: list[DefinitionShape]


class ReadingShape(TypedDict):
    """One number: `state` is ok, learning, no_data or not_instrumented; `interval` holds 95 %.

    `untold`: only where combinations of dimensions answer, the calls in its window that they leave out; of costs with
    the cost records.
    """

    state: str
    value: float | None
    interval: tuple[float, float] | None
    sample_size: int
    untold: NotRequired[int]


def reading_shape(unit: Unit, reading: Reading) -> ReadingShape:
    """A reading in its unit as the API shows it."""
    shape: ReadingShape = {
        "state": reading.state,
        "value": exact(unit, reading.value),
        "interval": exact_ends(unit, reading.interval),
        "sample_size": reading.sample_size,
    }
    if reading.untold is not None:
        shape["untold"] = reading.untold
    return shape


# `from` is a word of the language, so this one cannot be a class.
Span = TypedDict("Span", {"from": datetime, "to": datetime})


# So is it here.
SeamShape = TypedDict("SeamShape", {"at": datetime, "from": str, "to": str, "changed_at": datetime})


def seam_shape(seam: Seam) -> SeamShape:
    """A seam as the API shows it."""
    return {"at": seam.at, "from": seam.old_zone, "to": seam.new_zone, "changed_at": seam.changed_at}


class PointShape(Span, ReadingShape):
    """One bucket of a series; `seam`: a day that a changed time zone cuts, with only what came after that."""

    complete: bool
    mature: bool
    seam: bool


class ComparisonShape(Span):
    """The same metric over another window; `difference` is now minus then, with its interval."""

    kind: str
    value: float | None
    difference: float | None
    interval: tuple[float, float] | None
    sample_size: int
    untold: NotRequired[int]


class MetricShape(Span, ReadingShape):
    """A metric over a window; every group carries the value of the dimension grouped by, under its name.

    `seams`: where days of another time zone end, `from` the one to the other.
    """

    metric: str
    unit: str
    direction: str
    grain: str
    complete_to: datetime
    mature_to: datetime
    comparison: ComparisonShape | None
    series: list[PointShape]
    seams: list[SeamShape]


class GroupedShape(MetricShape, total=False):
    """The same, with `groups` where `group_by` asked for them."""

    groups: list[dict[str, Any]]
