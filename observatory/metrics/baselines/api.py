"""GET and POST /baselines, GET and DELETE /baselines/{name}, and the comparison with one."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

import msgspec
from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.views import APIView

from ingest import timeline
from ingest.api.body import json_body
from ingest.api.documented import Documented
from ingest.api.entrance import asked, entered
from ingest.api.problems import problem
from ingest.api.views import OnlyJson, holder_of
from ingest.database import steadfast
from ingest.projects.access import KeyHolder, project_scope
from observatory.metrics import asking, windows
from observatory.metrics.baselines import against, pinning, shapes, store
from observatory.metrics.baselines.shapes import AgainstShape, BaselineShape, BaselinesPage, Pin
from observatory.metrics.baselines.store import Baseline
from observatory.metrics.shelf import Shelf, UnknownValue
from observatory.metrics.windows import BadWindow

FEATURE = {"feature": "the feature it is of; without one, the baseline of all features"}
WINDOW = "7d"
T = TypeVar("T")
_JSON = msgspec.json.Encoder()


class Baselines(APIView):
    """Every baseline, with the scope read; POST pins one, with the scope admin."""

    content_negotiation_class = OnlyJson
    scope: ClassVar[str] = "read"
    scopes: ClassVar[dict[str, str]] = {"POST": "admin"}
    documented: ClassVar[Mapping[str, Documented]] = {
        "GET": Documented("List pinned baselines", answer=BaselinesPage, refusals=(400,)),
        "POST": Documented("Pin a baseline", answer=BaselineShape, status=201, body=Pin, example=shapes.EXAMPLE),
    }

    def get(self, request: Request) -> HttpResponse:
        """Every baseline that somebody pinned, the last one first."""
        return _answer(holder_of(request), lambda: _page(request))

    def post(self, request: Request) -> HttpResponse:
        """Pin a window of whole local days as what is normal; it is frozen once it is over, mature and counted."""
        holder = holder_of(request)
        with entered(request, holder) as entrance:
            sent = json_body(request, entrance.limits)
            with entrance.at_work(), sent.opened() as content:
                entrance.count(1)
                try:
                    wanted = msgspec.json.decode(content, type=Pin)
                except msgspec.DecodeError as error:
                    more = {"parameter": "body", "allowed": [*shapes.EXAMPLE]}
                    return problem(400, str(error), title="Nothing usable", more=more)
                return _told(lambda: steadfast(lambda: _scoped(holder, lambda: _pin(wanted, holder))), 201)


class OneBaseline(APIView):
    """One baseline, with the scope read; DELETE unpins it, with the scope admin."""

    content_negotiation_class = OnlyJson
    scope: ClassVar[str] = "read"
    scopes: ClassVar[dict[str, str]] = {"DELETE": "admin"}
    documented: ClassVar[Mapping[str, Documented]] = {
        "GET": Documented("Read a pinned baseline", FEATURE, BaselineShape),
        "DELETE": Documented("Delete a pinned baseline", FEATURE, BaselineShape),
    }

    def get(self, request: Request, name: str) -> HttpResponse:
        """One baseline, and whether it is frozen yet."""
        return _answer(holder_of(request), lambda: _one(name, request))

    def delete(self, request: Request, name: str) -> HttpResponse:
        """Delete a baseline with all that was frozen of it; answers with what it was."""
        return _answer(holder_of(request), lambda: _delete(name, request))


class Comparison(APIView):
    """Every metric over a window against a pinned baseline."""

    content_negotiation_class = OnlyJson
    scope: ClassVar[str] = "read"
    documented: ClassVar[Mapping[str, Documented]] = {
        "GET": Documented(
            "Compare with a pinned baseline",
            {"window": f"for example 24h or 14d, or today, week, month; {WINDOW} unless told", **FEATURE},
            AgainstShape,
        )
    }

    def get(self, request: Request, name: str) -> HttpResponse:
        """Each metric: the effect with its interval, sample sizes, a verdict, and the evidence behind it."""
        holder = holder_of(request)
        return _answer(holder, lambda: _compare(name, request, holder.time_zone))


def _page(request: Request) -> BaselinesPage:
    _asked(request)
    found = store.every()
    features = dict(against.names(found))
    return {"items": [shapes.baseline_shape(one, features) for one in found], "next": None}


def _pin(wanted: Pin, holder: KeyHolder) -> BaselineShape:
    window = pinning.window_of(wanted.start, wanted.end, holder.time_zone)
    pinned = pinning.pin(
        wanted.name, window, feature=wanted.feature, note=wanted.note, by=f"key {holder.public}", now=timeline.now()
    )
    return _shaped(pinned)


def _one(name: str, request: Request) -> BaselineShape:
    return _shaped(_named(name, _asked(request, "feature")))


def _delete(name: str, request: Request) -> BaselineShape:
    gone = _named(name, _asked(request, "feature"))
    store.delete(gone.name, gone.feature)
    return _shaped(gone)


def _compare(name: str, request: Request, zone_name: str) -> AgainstShape:
    given, now = _asked(request, "window", "feature"), timeline.now()
    window = windows.span(given.get("window", WINDOW), now, zone_name)
    found = against.against(name, window, feature=given.get("feature"), now=now)
    return shapes.against_shape(found, dict(against.names([found.baseline])))


def _named(name: str, given: Mapping[str, str]) -> Baseline:
    feature = Shelf(timeline.now()).filter(given.get("feature"), None).feature
    return against.named(name, feature)


def _shaped(baseline: Baseline) -> BaselineShape:
    return shapes.baseline_shape(baseline, dict(against.names([baseline])))


def _asked(request: Request, *known: str) -> dict[str, str]:
    """The parameters that say something. Raises BadWindow for one that is not known here."""
    return asking.only(request.query_params, known)


def _answer(holder: KeyHolder, read: Callable[[], Any]) -> HttpResponse:
    return _told(lambda: asked(holder.project_id, lambda: _scoped(holder, read)), 200)


def _scoped(holder: KeyHolder, read: Callable[[], T]) -> T:
    with project_scope(holder.project_id):
        return read()


def _told(read: Callable[[], Any], status: int) -> HttpResponse:
    """What was found or done, or the problem that kept us from it."""
    try:
        return HttpResponse(_JSON.encode(read()), status=status, content_type="application/json")
    except (pinning.Taken, against.Settling) as error:
        return problem(409, str(error), title="Not now")
    except (UnknownValue, BadWindow) as error:
        return asking.refusal(error)
