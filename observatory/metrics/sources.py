"""What numbers are made of: what apps send and people enter, and what tells that it ever came. Pure: no Django here."""

from dataclasses import dataclass
from enum import Enum

from ingest.dimensions import FeedbackKind, FigureName
from observatory.metrics.layout import Counter, Distribution


class Entered(Enum):
    """What neither a counter nor a histogram tells of."""

    USERS = "user_id with interactions"
    ACTIVATIONS = "user events activated"
    CONTROLS = "user events with is_control"
    LIMITS = "a provider's limit (manage.py provider_limit)"


@dataclass(frozen=True)
class Source:
    """One thing to send, `what` in the words of the API, and what tells of it: any one of `counters` that is not zero.

    Of a kind of feedback without counters, which goes by its own time, the events themselves tell.
    """

    what: str
    kind: FeedbackKind | None = None
    counters: tuple[Counter, ...] = ()
    distribution: Distribution | None = None
    figure: FigureName | None = None
    entered: Entered | None = None


COUNTED_AS = {
    FeedbackKind.THUMB: (Counter.THUMBS_UP, Counter.THUMBS_DOWN),
    FeedbackKind.RATING: (Counter.RATINGS,),
    FeedbackKind.CORRECTION: (Counter.CORRECTIONS,),
    FeedbackKind.FLAG: (Counter.FLAGGED,),
    FeedbackKind.ACCEPTANCE: (Counter.ACCEPTED, Counter.DISMISSED),
    FeedbackKind.OUTCOME: (Counter.COMPLETED, Counter.ABANDONED, Counter.REDONE),
    FeedbackKind.EVALUATION: (Counter.EVALUATIONS,),
}
"""Kinds of feedback on interactions → the counters of which one is not zero where any came."""


def feedback(kind: FeedbackKind, counters: tuple[Counter, ...] = ()) -> Source:
    """Feedback of a kind; only what some counters count of it where they are given."""
    of = f" ({', '.join(counter.name.lower() for counter in counters)})" if counters else ""
    return Source(f"feedback of kind {kind.name.lower()}{of}", kind, counters or COUNTED_AS.get(kind, ()))


def field(name: str, *counters: Counter) -> Source:
    """A field of interactions."""
    return Source(f"{name} with interactions", counters=counters)


def figure(name: FigureName) -> Source:
    """A figure of the business."""
    return Source(f"the figure {name.name.lower()}", figure=name)


def entered(what: Entered) -> Source:
    """What a table of its own tells of."""
    return Source(what.value, entered=what)


def timed(name: str, distribution: Distribution) -> Source:
    """A field of interactions that only a histogram tells of."""
    return Source(f"{name} with interactions", distribution=distribution)
