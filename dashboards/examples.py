"""Outputs of then beside outputs of now, for the first question of an investigation."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from dashboards.lists import address_of, thumbs_of
from dashboards.text import WITHHELD
from dashboards.view import View
from ingest import dictionary
from ingest.dimensions import Dimension, FeedbackKind, Flag
from ingest.models import Interaction, Payload, Verdict
from ingest.timeline import Window
from observatory.drift.models import Series
from observatory.metrics.derived.trials import trials

COUNT = 5
SHOWN = 600
WORDS = {1.0: "thumb up", 0.0: "thumb down"}


@dataclass(frozen=True)
class Excerpt:
    """One interaction, shortened."""

    at: datetime
    model: str
    thumb: str
    prompt: str
    output: str
    url: str


@dataclass(frozen=True)
class Pair:
    """One of then beside one of now."""

    before: Excerpt | None
    now: Excerpt | None


def pairs(view: View, series: Series, before: Window, now: Window) -> Iterator[Pair]:
    """Five rated interactions of each window: the share of thumbs down among them is that of the window."""
    old, new = _sample(view, series, before), _sample(view, series, now)
    for index in range(max(len(old), len(new))):
        yield Pair(old[index] if index < len(old) else None, new[index] if index < len(new) else None)


def _sample(view: View, series: Series, window: Window) -> list[Excerpt]:
    said = Verdict.objects.filter(
        kind=FeedbackKind.THUMB,
        feature_id=series.feature_number,
        interaction_at__gte=window.start,
        interaction_at__lt=window.end,
    )
    rated = trials("thumbs_up_rate", window, by="feature", feature=series.feature, now=view.now).get(series.feature)
    wanted_down = round(COUNT * (1 - rated.k / rated.n)) if rated else 0
    chosen = [*_spread(said.filter(value=0), wanted_down), *_spread(said.filter(value=1), COUNT - wanted_down)]
    keys = [(one.interaction_at, one.interaction_id) for one in chosen]
    return [excerpt for at, id in sorted(keys, reverse=True) if (excerpt := _excerpt(view, at, id))]


def _spread(said: QuerySet[Verdict], count: int) -> list[Verdict]:
    """`count` verdicts spread evenly over the window, so that no single day stands for it."""
    total = said.count()
    if not total or count <= 0:
        return []
    ordered = said.order_by("interaction_at", "interaction_id")
    return [ordered[min(total - 1, (2 * number + 1) * total // (2 * count))] for number in range(min(count, total))]


def _excerpt(view: View, at: datetime, id: str) -> Excerpt | None:
    one = Interaction.objects.filter(occurred_at=at, id=id).first()
    if one is None:
        return None
    payload = Payload.objects.filter(occurred_at=at, id=id).first()
    thumb = thumbs_of([one]).get(id)
    return Excerpt(
        at, dictionary.values(Dimension.MODEL).get(one.model_id, ""), WORDS.get(thumb, "not rated") if thumb is not None else "not rated",
        _short(payload.prompt if payload else None, one), _short(payload.output if payload else None, one), address_of(view, id),
    )  # fmt: skip


def _short(text: str | None, one: Interaction) -> str:
    if not text:
        return WITHHELD.lower() if one.flags & Flag.TEXT_HASHED else "no text was stored"
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"
