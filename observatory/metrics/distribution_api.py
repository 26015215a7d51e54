"""GET /metrics/{name}/distribution: how the values behind a metric are spread."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar, NotRequired, TypedDict

import msgspec
from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.views import APIView

from ingest import timeline
from ingest.api.documented import Documented
from ingest.api.entrance import asked as answered
from ingest.api.views import OnlyJson, holder_of
from ingest.projects.access import project_scope
from observatory.metrics import asking, series
from observatory.metrics.distributions import MOST_BINS, USUAL_BINS, Distributed, refuse_without
from observatory.metrics.metric import Metric
from observatory.metrics.shapes import ReadingShape, SeamShape, Span, seam_shape
from observatory.metrics.shelf import FILTERS, metric_of
from observatory.metrics.windows import BadWindow

PARAMETERS = {
    **asking.TIMES,
    **FILTERS,
    "bins": f"at most so many bins above zero, 1 to {MOST_BINS}; {USUAL_BINS} unless told",
}
MONEY_DIGITS = 12
"""A bin's edge is no amount: it is told to the last digit that means anything beside nano-dollars."""

_JSON = msgspec.json.Encoder()


class BinShape(TypedDict):
    """The values above `low` and up to `high`; both are 0 for the zeros."""

    low: float
    high: float
    count: int


class QuantileShape(ReadingShape):
    """The value that this share of the values does not exceed."""

    share: float


class DistributionShape(Span):
    """How the values behind a metric are spread over a window; `judged` is the part that is told of.

    `untold`: only where combinations of dimensions answer, the calls in it that they leave out. `seams`: where
    days of another time zone end.
    """

    metric: str
    unit: str
    judged: tuple[datetime, datetime]
    complete_to: datetime
    mature_to: datetime
    state: str
    n: int
    bins: list[BinShape]
    quantiles: list[QuantileShape]
    seams: list[SeamShape]
    untold: NotRequired[int]


class Distribution(APIView):
    """Bins in constant ratio with their counts, and quantiles within 1 % with their intervals."""

    content_negotiation_class = OnlyJson
    scope: ClassVar[str] = "read"
    documented: ClassVar[Mapping[str, Documented]] = {
        "GET": Documented("Read a metric's distribution", PARAMETERS, DistributionShape)
    }

    def get(self, request: Request, name: str) -> HttpResponse:
        """The distribution of one metric over a window."""
        holder, now = holder_of(request), timeline.now()

        def read() -> Distributed:
            with project_scope(holder.project_id):
                return series.distribution(name, window, where=where, bins=bins, now=now)

        try:
            metric = _distributed(name)
            asked = asking.only(request.query_params, PARAMETERS)
            window = asking.window(asked, metric.window, now, holder.time_zone)
            where, bins = (
                {key: asked[key] for key in FILTERS if key in asked},
                asking.number(asked, "bins", USUAL_BINS, 1, MOST_BINS),
            )
            found = answered(holder.project_id, read)
        except (series.UnknownValue, BadWindow) as error:
            return asking.refusal(error)
        return HttpResponse(_JSON.encode(shaped(found)), content_type="application/json")


def shaped(found: Distributed) -> DistributionShape:
    """A distribution as the API shows it."""
    shape: DistributionShape = {
        "metric": found.metric,
        "unit": found.unit,
        "from": found.window.start,
        "to": found.window.end,
        "judged": (found.judged.start, found.judged.end),
        "complete_to": found.complete_to,
        "mature_to": found.mature_to,
        "state": found.state,
        "n": found.n,
        "bins": [
            {"low": round(one.low, MONEY_DIGITS), "high": round(one.high, MONEY_DIGITS), "count": one.count}
            for one in found.bins
        ],
        "quantiles": [
            {
                "share": share,
                "state": reading.state,
                "value": reading.value,
                "interval": reading.interval,
                "sample_size": reading.sample_size,
            }
            for share, reading in found.quantiles.items()
        ],
        "seams": [seam_shape(seam) for seam in found.seams],
    }
    if found.untold is not None:
        shape["untold"] = found.untold
    return shape


def _distributed(name: str) -> Metric:
    metric = metric_of(name)
    refuse_without(metric)
    return metric
