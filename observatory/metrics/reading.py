"""What a metric answers with. Pure: no Django here.

A number travels with its meaning: state, interval, sample size, completeness, maturity. Unknown is None, never 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from ingest.timeline import Window
from observatory.metrics.codec import Counts
from observatory.metrics.layout import Distribution


class State(StrEnum):
    """Whether there is a value, and why not."""

    OK = "ok"
    LEARNING = "learning"
    NO_DATA = "no_data"
    NOT_INSTRUMENTED = "not_instrumented"


@dataclass(frozen=True, slots=True)
class Totals:
    """Counters and histograms of one window and one dimension value, added up.

    `untold`: None, or, where they were read from the largest combinations of each bucket, the calls (and cost
    records, for a metric of costs) of all others.
    """

    counters: Counts = field(default_factory=dict)
    histograms: dict[Distribution, Counts] = field(default_factory=dict)
    untold: int | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """One metric over one window: `value` in the metric's unit, with a 95 % interval; both None unless `state` is ok.

    `sample_size` counts what the value was computed from: the events of a rate's denominator, the values of a mean.
    `untold`: None, or, where several dimensions at once were asked for and the largest combinations of each bucket
    answer, the calls of all others in its window, which may belong to it; of a metric of costs with their cost records.
    """

    state: State
    value: float | None = None
    interval: tuple[float, float] | None = None
    sample_size: int = 0
    untold: int | None = None

    @property
    def counted(self) -> int | None:
        """Of a rate, how many of its sample went as it counts."""
        return None if self.value is None else round(self.value * self.sample_size)

    @property
    def out_of(self) -> int | None:
        """Of a share whose sample are those it counts (adoption), of how many they are; unknown of a share of 0."""
        return round(self.sample_size / self.value) if self.value else None


@dataclass(frozen=True, slots=True)
class Seam:
    """Where a changed time zone has left days of the old one: before `at`, up to the seam before, days are days of `old_zone`.

    `new_zone`'s follow: up to the next seam, or for good. `changed_at` is when the change was noticed.
    """

    at: datetime
    old_zone: str
    new_zone: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Point:
    """One bucket of a series. `complete`: nothing committed is missing; `mature`: late feedback has had its time.

    `seam`: a day that a seam cuts in two, of which only what came after it is counted here.
    """

    window: Window
    reading: Reading
    complete: bool
    mature: bool
    seam: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """The same metric over another window; `difference` is now minus then, with its 95 % interval.

    `untold` is that of the other window's reading.
    """

    kind: str
    window: Window
    value: float | None
    difference: float | None
    interval: tuple[float, float] | None
    sample_size: int
    untold: int | None = None


@dataclass(frozen=True, slots=True)
class Coverage:
    """How far a project's numbers reach.

    `complete_to`: every interaction committed before it is counted. `mature_to`: so is feedback, and it had its time,
    which is `maturity_hours`. `waits_from`: the first minute of over a day ago whose calls or costs came late and wait to
    be counted, in whichever window.
    """

    complete_to: datetime
    mature_to: datetime
    maturity_hours: int
    last_interaction_at: datetime | None
    changed_at: datetime
    waits_from: datetime | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A metric over a window, as pages, API and alerts get it.

    `judged` is the part of the window that `reading` is about: a maturing metric's ends at `mature_to`.
    `groups`: value of the dimension grouped by → its reading. `untold`: that of the reading, or of the groups where
    combinations answer for these alone. `seams`: those after the window's start, since what lies before each of them are
    days of another time zone.
    """

    metric: str
    window: Window
    judged: Window
    grain: str
    complete_to: datetime
    mature_to: datetime
    reading: Reading
    comparison: Comparison | None = None
    series: tuple[Point, ...] = ()
    groups: Mapping[str, Reading] = field(default_factory=dict)
    untold: int | None = None
    seams: tuple[Seam, ...] = ()
