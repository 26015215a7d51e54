"""What a metric's definition says. Pure: no Django here."""

from dataclasses import dataclass
from enum import StrEnum

from ingest.dimensions import Facts, FeedbackKind
from observatory.metrics.layout import OF_MINUTES, PEAKS, Counter, Distribution
from observatory.metrics.sources import Source


class Unit(StrEnum):
    """What a value is counted in."""

    RATIO = "ratio"
    MS = "ms"
    USD = "usd"
    COUNT = "count"
    TOKENS = "tokens"
    USERS = "users"
    SCORE = "score"
    PER_THOUSAND = "per_1000"
    TIMES = "times"


class Direction(StrEnum):
    """Which way is good."""

    HIGHER = "higher_is_better"
    LOWER = "lower_is_better"
    NEUTRAL = "neutral"


class Kind(StrEnum):
    """How a metric is computed from counters (`parts`, `of`) and a distribution.

    COUNT: Σ parts. RATE: Σ parts of Σ of, with a Wilson interval. RATIO: the same of things that are no trials.
    MEAN: Σ parts / Σ of. QUANTILE: of the distribution. USERS: distinct users of the last `days` local days.
    PER_USER: Σ parts / distinct users of the window. EVENTS: feedback that goes by its own time.
    DERIVED: by a function of its own in `derived`, over local days.
    """

    COUNT = "count"
    RATE = "rate"
    RATIO = "ratio"
    MEAN = "mean"
    QUANTILE = "quantile"
    USERS = "users"
    PER_USER = "per_user"
    EVENTS = "events"
    DERIVED = "derived"
    NOT_INSTRUMENTED = "not_instrumented"


class FilteredBy(StrEnum):
    """Which dimensions a metric can be filtered by, besides the feature.

    DIMENSIONS: every one, several at once. ONE_DIMENSION: one at a time. MODEL, TIER: only that. FEATURE: none.
    PROJECT: not by the feature either.
    """

    DIMENSIONS = "dimensions"
    ONE_DIMENSION = "one_dimension"
    MODEL = "model"
    TIER = "tier"
    FEATURE = "feature"
    PROJECT = "project"


class Area(StrEnum):
    """The dimension of the product that a metric is about: the dashboard that it stands on."""

    HEALTH = "health"
    QUALITY = "quality"
    COST = "cost"
    ENGAGEMENT = "engagement"


class Empty(StrEnum):
    """What a window says in which nothing happened, of a project that has sent what the metric needs (`sources`).

    ZERO: none is a value. NO_DATA: there is nothing to divide by. AS_EVER: the metric rests on more than what happened
    in the window, and is computed as of any other. NOT_INSTRUMENTED: nothing counts it yet, whatever happened.
    """

    ZERO = "zero"
    NO_DATA = "no_data"
    AS_EVER = "as_ever"
    NOT_INSTRUMENTED = "not_instrumented"


@dataclass(frozen=True)
class Worked:
    """What only a derived metric has to declare: of all others the kind says it. `example`: numbers and the value."""

    formula: str
    example: str
    when_empty: Empty = Empty.NO_DATA
    is_additive: bool = False


_WHEN_EMPTY = {
    Kind.COUNT: Empty.ZERO,
    Kind.EVENTS: Empty.ZERO,
    Kind.USERS: Empty.ZERO,
    Kind.NOT_INSTRUMENTED: Empty.NOT_INSTRUMENTED,
}


@dataclass(frozen=True)
class Metric:
    """One definition. `maturing`: it waits for late feedback. `minimum_sample`: under it the state is *learning*.

    `sources` must all have come once; until then the state is *not instrumented*, and no zero. `derived_by`: what a
    DERIVED one can be filtered by, as far as its function goes.

    Without a series it is about a whole month or more: a value a day would tell nothing, and take long.
    """

    name: str
    title: str
    unit: Unit
    direction: Direction
    kind: Kind
    doc: str
    parts: tuple[Counter, ...] = ()
    of: tuple[Counter, ...] = ()
    scale: float = 1.0
    is_complement: bool = False
    known_by: tuple[Counter, ...] = ()
    distribution: Distribution | None = None
    share: float = 0.5
    days: int = 1
    needs: FeedbackKind | None = None
    minimum_sample: int = 1
    window: str = "7d"
    has_series: bool = True
    derived_by: FilteredBy = FilteredBy.FEATURE
    area: Area = Area.HEALTH
    worked: Worked | None = None
    sources: tuple[Source, ...] = ()

    @property
    def is_additive(self) -> bool:
        """Whether the points of a series add up to the value of their window."""
        if self.worked:
            return self.worked.is_additive
        return self.kind is Kind.EVENTS or (self.kind is Kind.COUNT and not set(self.parts) & set(PEAKS))

    @property
    def when_empty(self) -> Empty:
        """What a window says in which nothing happened."""
        return self.worked.when_empty if self.worked else _WHEN_EMPTY.get(self.kind, Empty.NO_DATA)

    @property
    def maturing(self) -> bool:
        """Whether feedback that comes later still changes it."""
        return any(counter.facts is Facts.FEEDBACK for counter in (*self.parts, *self.of))

    @property
    def filtered_by(self) -> FilteredBy:
        """Which dimensions it can be filtered by. What is counted by the minute does not add up over combinations."""
        if self.kind is Kind.DERIVED:
            return self.derived_by
        if self.kind in (Kind.USERS, Kind.PER_USER, Kind.EVENTS):
            return FilteredBy.FEATURE
        is_by_minutes = any(counter in OF_MINUTES for counter in (*self.parts, *self.of))
        return FilteredBy.ONE_DIMENSION if is_by_minutes else FilteredBy.DIMENSIONS
