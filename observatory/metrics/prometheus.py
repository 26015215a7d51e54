"""GET /prometheus: a project's headline numbers for a scrape.

Each over a fixed window, which its label names; of the project, and of each feature under names of their own, so that
nobody adds a whole to its parts. What has no value, or too few events for one, has no sample: unknown is not 0.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.views import APIView

from ingest import binding, timeline
from ingest.api.documented import Documented
from ingest.api.entrance import asked
from ingest.api.views import OnlyJson, holder_of
from ingest.dimensions import RecordKind
from ingest.projects.access import KeyHolder, current_project, project_scope
from ingest.projects.models import Project
from observatory.metrics import asking, exposition, windows
from observatory.metrics.definitions import METRICS
from observatory.metrics.exposition import Family, Sample
from observatory.metrics.metric import Metric, Unit
from observatory.metrics.reader import Reader
from observatory.metrics.reading import Reading, State
from observatory.metrics.windows import BadWindow

HEADLINES: Mapping[str, tuple[str, ...]] = {
    "15m": ("calls", "error_rate", "latency_p50", "latency_p95"),
    "24h": ("calls", "error_rate", "availability", "unpriced_calls"),
    "7d": ("thumbs_up_rate", "correction_rate"),
    "today": ("cost_total", "dau"),
    "month": ("cost_total",),
}
"""Window → the metrics that are read over it."""

ORPHANS = "Feedback and costs without their interaction: those that wait, and those given up in the last 30 days."
KEPT_S = 10.0
MOST_KEPT = 1_000
SECONDS_PER_MS = 0.001
NANO_DIGITS = 9
"""What follows is nobody's money, and no share or time that could be told."""

SUFFIX = {Unit.MS: "_seconds", Unit.USD: "_usd", Unit.TOKENS: "_tokens"}
"""Prometheus counts in seconds and says the unit in the name; a ratio, a count and users need no word more."""


@dataclass(frozen=True)
class _Kept:
    """What a project was last told, and until when it is told the same."""

    until: float
    families: tuple[Family, ...]


_kept: dict[int, _Kept] = {}


class Headlines(APIView):
    """A project's headline numbers in Prometheus's text format, or in OpenMetrics where `Accept` asks for it."""

    content_negotiation_class = OnlyJson
    scope: ClassVar[str] = "read"
    documented: ClassVar[Mapping[str, Documented]] = {
        "GET": Documented("Scrape headline numbers", media_type="text/plain", refusals=(400,))
    }

    def get(self, request: Request) -> HttpResponse:
        """The numbers as they stand, ten seconds old at most."""
        try:
            asking.only(request.query_params, ())
        except BadWindow as error:
            return asking.refusal(error)
        content_type, write = exposition.negotiated(request.META.get("HTTP_ACCEPT", ""))
        return HttpResponse(write(_current(holder_of(request))), content_type=content_type)


def _current(holder: KeyHolder) -> tuple[Family, ...]:
    known = _kept.get(holder.project_id)
    if known is None or known.until <= time.monotonic():
        found = asked(holder.project_id, lambda: families(holder))
        if len(_kept) >= MOST_KEPT:
            _kept.clear()
        known = _kept[holder.project_id] = _Kept(time.monotonic() + KEPT_S, found)
    return known.families


def families(holder: KeyHolder) -> tuple[Family, ...]:
    """All families of the key's project, as they stand now."""
    with project_scope(holder.project_id):
        slug = Project.objects.values_list("slug", flat=True).get(pk=current_project())
        reader = Reader(timeline.now())
        complete_to = reader.coverage().complete_to
        of_project: dict[str, list[Sample]] = {name: [] for names in HEADLINES.values() for name in names}
        of_features: dict[str, list[Sample]] = {name: [] for name in of_project}
        for window_name, names in HEADLINES.items():
            window = windows.span(window_name, reader.now, holder.time_zone)
            if window.end <= window.start:  # the first instant of a day
                continue
            labels = {"project": slug, "window": window_name}
            complete_to = min(complete_to, reader.coverage(window=window).complete_to)
            for name in names:
                of_project[name] += _sample(METRICS[name], reader.reading(name, window), labels)
            for feature, readings in reader.breakdown(names, window, by="feature").items():
                for name, reading in readings.items():
                    of_features[name] += _sample(METRICS[name], reading, labels | {"feature": feature})
        unbound = _orphans(binding.orphans(reader.now), slug)
    reaches = Sample(complete_to.timestamp(), {"project": slug})
    doc = "Everything committed before this moment is counted in the numbers beside it."
    return (
        Family("observatory_project_complete_to_timestamp_seconds", doc, (reaches,)),
        Family("observatory_project_orphans", ORPHANS, tuple(unbound)),
        *(_family("project", METRICS[name], samples) for name, samples in of_project.items() if samples),
        *(_family("feature", METRICS[name], samples) for name, samples in of_features.items() if samples),
    )


def _orphans(found: Mapping[RecordKind, binding.Orphans], slug: str) -> list[Sample]:
    return [
        Sample(count, {"project": slug, "kind": kind.name.lower(), "state": state})
        for kind, orphans in found.items()
        for state, count in (("waiting", orphans.waiting), ("given_up", orphans.given_up))
    ]


def _sample(metric: Metric, reading: Reading, labels: Mapping[str, str]) -> list[Sample]:
    if reading.state is not State.OK or reading.value is None:
        return []
    value = reading.value * SECONDS_PER_MS if metric.unit is Unit.MS else reading.value
    return [Sample(round(value, NANO_DIGITS), labels)]


def _family(whose: str, metric: Metric, samples: list[Sample]) -> Family:
    return Family(f"observatory_{whose}_{metric.name}{SUFFIX.get(metric.unit, '')}", metric.doc, tuple(samples))
