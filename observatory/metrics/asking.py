"""What a question to the metrics API may say, and the refusal that lists what is allowed."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from zoneinfo import available_timezones

import msgspec
from django.http import HttpResponse, QueryDict
from rest_framework.request import Request

from ingest import timeline
from ingest.api.entrance import asked as answered
from ingest.api.problems import problem
from ingest.api.queries import refused
from ingest.api.views import holder_of
from ingest.projects.access import project_scope
from ingest.timeline import Window
from observatory.metrics import windows
from observatory.metrics.baselines import against
from observatory.metrics.reader import COMPARISONS
from observatory.metrics.shelf import DIMENSIONS, UnknownValue
from observatory.metrics.windows import BadWindow, Grain

TIMES = {
    "window": "for example 7d, or today, week, month",
    "from": "a time with a zone, instead of window",
    "to": "a time with a zone, after from; now unless told",
    "time_zone": "whose today, week and month are meant; the project's unless told. Days of a series are the project's",
}
"""The parameters that choose a window."""

NEAREST = 5
RANGES = {
    "from": "a time from 1970-01-01T00:00:00Z on that lies before now",
    "to": "a time after from, up to the year 9998",
}
"""What `from` and `to` can be, beyond being times."""
CHOICES = {"grain": ("auto", *Grain), "compare": (*COMPARISONS, f"{against.PREFIX}NAME")}
"""Parameters that are one of a few words; `group_by` is one of the dimensions."""

_JSON = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Question:
    """The parameters of a request that say something, asked at `now` of a project with this time zone."""

    asked: Mapping[str, str]
    now: datetime
    zone_name: str

    def window(self, default: str) -> Window:
        """The window that is asked about. Raises BadWindow."""
        return window(self.asked, default, self.now, self.zone_name)


def answer(request: Request, known: Iterable[str], read: Callable[[Question], object]) -> HttpResponse:
    """What `read` finds in the key's project, as JSON, or the problem that says why there is no answer."""
    holder, now = holder_of(request), timeline.now()

    def find() -> object:
        question = Question(only(request.query_params, known), now, holder.time_zone)
        with project_scope(holder.project_id):
            return read(question)

    try:
        found = answered(holder.project_id, find)
        return HttpResponse(_JSON.encode(found), content_type="application/json")
    except (UnknownValue, BadWindow) as error:
        return refusal(error)


def only(parameters: QueryDict, known: Iterable[str]) -> dict[str, str]:
    """The parameters that say something. Raises BadWindow for one we do not know, one given twice, or one that cannot be so."""
    names = tuple(known)
    if wrong := refused(parameters, names):
        raise BadWindow(*wrong)
    asked = {name: values[0] for name, values in parameters.lists() if values[0]}
    for name, allowed in (*CHOICES.items(), ("group_by", tuple(DIMENSIONS))):
        if name in names and asked.get(name, allowed[0]) not in allowed and not _is_pinned(name, asked[name]):
            raise BadWindow(f"{name} is one of {', '.join(allowed)}", name, allowed)
    return asked


def _is_pinned(name: str, value: str) -> bool:
    """Whether it is a comparison with a baseline that somebody pinned."""
    return name == "compare" and value.startswith(against.PREFIX)


def window(asked: Mapping[str, str], default: str, now: datetime, zone_name: str) -> Window:
    """`from` and `to`, or `window` up to now, or the default. Raises BadWindow."""
    zone_name = _zone(asked.get("time_zone", zone_name))
    if "from" not in asked and "to" not in asked:
        return windows.span(asked.get("window", default), now, zone_name)
    if "window" in asked:
        raise BadWindow("give either window or from and to", "window", ["window alone", "from and to, without window"])
    if "from" not in asked:
        raise BadWindow("to needs a from", "from", ["a time before to"])
    start, end = _instant(asked, "from"), _instant(asked, "to") if "to" in asked else now
    if "to" in asked:
        windows.refuse_reversed(Window(start, end))
    if start >= now:
        before = f"a time before {now:%Y-%m-%dT%H:%M:%SZ}"
        raise BadWindow(
            f"from lies in the future: a window ends now at the latest, so from is {before}", "from", [before]
        )
    return Window(start, min(now, end))


def number(asked: Mapping[str, str], name: str, usual: int, least: int, most: int) -> int:
    """A whole number from `least` to `most`, `usual` unless told. Raises BadWindow."""
    text = asked.get(name, str(usual))
    if not (text.isascii() and text.isdecimal() and len(text) <= 5 and least <= int(text) <= most):
        expected = f"a whole number from {least} to {most}"
        raise BadWindow(f"{name} is {expected}", name, [expected])
    return int(text)


def refusal(error: UnknownValue | BadWindow) -> HttpResponse:
    """The problem that says why it cannot be answered and, in `allowed`, what can."""
    status, title = (404, "Unknown value") if isinstance(error, UnknownValue) else (400, "Cannot be answered")
    more = {"parameter": error.parameter, "allowed": error.allowed} if error.parameter else {}
    return problem(status, str(error.args[0]), title=title, more=more)


def _zone(name: str) -> str:
    try:
        timeline.zone(name)
    except (ValueError, OSError):  # a name with a NUL, one too long for a file, a folder of zones
        known = sorted(available_timezones())
        near = get_close_matches(name[:100], known, NEAREST) or ["UTC", "Europe/Berlin"]
        text = f"no time zone {name[:100]!r}; it is a name of the IANA list, for example {', '.join(near)}"
        raise BadWindow(text, "time_zone", dict.fromkeys([*near, *known])) from None
    return name


def _instant(asked: Mapping[str, str], name: str) -> datetime:
    try:
        # A plus sign that was not escaped in the address came as a blank.
        return timeline.parse(asked[name].replace(" ", "+"))
    except timeline.OutOfRange as error:
        raise BadWindow(f"{name} is {RANGES[name]}", name, [RANGES[name]]) from error
    except ValueError as error:
        allowed = "a time with a zone, for example 2026-01-31T12:00:00Z"
        raise BadWindow(f"{name} is {allowed}", name, [allowed]) from error
