"""GET /provider-limits: how near the busiest minutes came to what providers allow."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar, TypedDict

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.views import APIView

from ingest.api.documented import Documented
from ingest.api.views import OnlyJson
from observatory.metrics import asking
from observatory.metrics.definitions import METRICS
from observatory.metrics.derived import headroom
from observatory.metrics.derived.headroom import Headroom
from observatory.metrics.provider_limits import Limit, Peak
from observatory.metrics.reading import State
from observatory.metrics.shapes import ReadingShape, Span, reading_shape

METRIC = METRICS["provider_limit_use"]
PARAMETERS = {**asking.TIMES, "window": f"for example 7d, or today, week, month; {METRIC.window} unless told"}


class PeakShape(TypedDict):
    """The most calls and the most tokens in one minute, not necessarily the same; an empty provider is whoever serves it."""

    provider: str
    model: str
    peak_requests_per_minute: int
    peak_tokens_per_minute: int


class LimitShape(PeakShape):
    """A limit, of one model or (`model` is empty) of all together, beside that peak; null is no limit.

    `state` is ok, or no_data where nothing was called that it limits; `value` is the larger of both shares, 0–1.
    """

    requests_per_minute: int | None
    tokens_per_minute: int | None
    state: str
    value: float | None


class ProviderLimitsShape(Span, ReadingShape):
    """Limits, the most used first, and the peaks of every provider and model with traffic; of the whole project.

    `value` is the share of the most used limit, `sample_size` the calls in its busiest minute.
    """

    metric: str
    unit: str
    complete_to: datetime
    limits: list[LimitShape]
    peaks: list[PeakShape]


class ProviderLimits(APIView):
    """The limits that were entered, beside the busiest minute of what they limit; and the peaks of all that has traffic."""

    content_negotiation_class = OnlyJson
    scope: ClassVar[str] = "read"
    documented: ClassVar[Mapping[str, Documented]] = {
        "GET": Documented("Read headroom against provider limits", PARAMETERS, ProviderLimitsShape)
    }

    def get(self, request: Request) -> HttpResponse:
        """Limits and busiest minutes of a window."""
        return asking.answer(
            request, PARAMETERS, lambda of: shaped(headroom.read(of.window(METRIC.window), now=of.now))
        )


def shaped(found: Headroom) -> ProviderLimitsShape:
    """Headroom as the API shows it."""
    used = [one.limit for one in found.uses]
    return {
        "metric": METRIC.name,
        "unit": METRIC.unit,
        "from": found.window.start,
        "to": found.window.end,
        "complete_to": found.complete_to,
        **reading_shape(METRIC.unit, found.whole),
        "limits": [
            *(_limit(one.limit, one.peak, one.share) for one in found.uses),
            *(_limit(limit, Peak(), None) for limit in found.limits if limit not in used),
        ],
        "peaks": [_peak(*key, peak) for key, peak in headroom.busiest(found.peaks)],
    }


def _limit(limit: Limit, peak: Peak, share: float | None) -> LimitShape:
    return {
        **_peak(limit.provider, limit.model, peak),
        "requests_per_minute": limit.requests_per_minute,
        "tokens_per_minute": limit.tokens_per_minute,
        "state": State.NO_DATA if share is None else State.OK,
        "value": share,
    }


def _peak(provider: str, model: str, peak: Peak) -> PeakShape:
    return {
        "provider": provider,
        "model": model,
        "peak_requests_per_minute": peak.calls,
        "peak_tokens_per_minute": peak.tokens,
    }
