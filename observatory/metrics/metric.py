"""What a metric's definition says. Pure: no Django here."""

from dataclasses import dataclass
from enum import StrEnum

from ingest.dimensions import Dimension, Facts, FeedbackKind
from observatory.metrics.layout import OF_MINUTES, Counter, Distribution


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

    DIMENSIONS: every one, several at once. ONE_DIMENSION: one at a time. FEATURE: none.
    """

    DIMENSIONS = "dimensions"
    ONE_DIMENSION = "one_dimension"
    FEATURE = "feature"


@dataclass(frozen=True)
class Metric:
    """One definition. `maturing`: it waits for late feedback. `minimum_sample`: under it the state is *learning*.

    Without a series it is about a whole month or more: a value a day would tell nothing, and take long. `kept_by`: the
    dimensions that tell it apart besides the feature, where its kind is kept by feature only.
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
    kept_by: tuple[Dimension, ...] = ()

    @property
    def maturing(self) -> bool:
        """Whether feedback that comes later still changes it."""
        return bool(self._feedback)

    @property
    def filtered_by(self) -> FilteredBy:
        """Which dimensions it can be filtered by. What is counted by the minute does not add up over combinations."""
        if self.kind in (Kind.USERS, Kind.PER_USER, Kind.EVENTS, Kind.DERIVED):
            return FilteredBy.FEATURE
        is_by_minutes = any(counter in OF_MINUTES for counter in (*self.parts, *self.of))
        return FilteredBy.ONE_DIMENSION if is_by_minutes else FilteredBy.DIMENSIONS

    @property
    def told_by(self) -> tuple[Counter, ...]:
        """The counters that are all zero where the app does not send what the metric is made of."""
        return self._feedback or self.parts

    @property
    def _feedback(self) -> tuple[Counter, ...]:
        return tuple(counter for counter in (*self.parts, *self.of) if counter.facts is Facts.FEEDBACK)
