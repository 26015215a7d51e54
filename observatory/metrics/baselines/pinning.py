"""Pinning a window as normal, and freezing it once it is over, mature and counted. Inside a project's scope."""

from datetime import date, datetime, timedelta

import structlog
from django.db import transaction

from ingest.dictionary import MOST_NAMED
from ingest.dimensions import FIRST, Dimension
from ingest.projects.access import current_project
from ingest.projects.models import Project
from ingest.retention import horizons
from ingest.text import is_holdable
from ingest.timeline import DAY, Window, day_start, local_day, parse
from observatory.metrics import store as rollups
from observatory.metrics.baselines import gathering, store
from observatory.metrics.baselines.contents import Contents
from observatory.metrics.baselines.store import Baseline
from observatory.metrics.shelf import Shelf, UnknownValue
from observatory.metrics.windows import BadWindow

LONGEST = 92 * DAY
FURTHEST = 92 * DAY
MOST = 200
NAME_LENGTH, NOTE_LENGTH = 80, 1_000
A_DAY = "a day like 2026-01-31, or the instant at which one begins"
FROZEN_AT_ONCE = 200_000
"""Windows with more calls wait for the roller: whoever asked should not wait for them."""

_AN_HOUR_MORE = timedelta(hours=1)

log = structlog.get_logger(__name__)


class Refused(BadWindow):
    """A baseline that cannot be pinned; the text says why, `allowed` what its `parameter` can be."""


class Taken(Refused):
    """The feature has a baseline of this name."""


def window_of(first: str, end: str, zone_name: str) -> Window:
    """The local days from `first` up to `end`, which is not among them: days like 2026-01-31, or the instants they begin at.

    Raises Refused.
    """
    window = Window(_midnight(first, "from", zone_name), _midnight(end, "to", zone_name))
    if window.end <= window.start:
        text = "from has to be before to: a baseline is one local day or more"
        raise Refused(text, "to", [f"a day after {first[:100]}"])
    if window.length > LONGEST + _AN_HOUR_MORE:
        raise Refused(
            f"a baseline is at most {LONGEST.days} days long", "to", [f"at most {LONGEST.days} days after from"]
        )
    return window


def pin(name: str, window: Window, *, feature: str | None = None, note: str = "", by: str, now: datetime) -> Baseline:
    """Pin a window as what is normal, of a feature or of all; a small one that is ready is frozen at once.

    Raises Refused, Taken for a name that the feature has in use, and UnknownValue for a feature that does not exist.
    """
    _check(name, note)
    shelf = Shelf(now)
    chosen = shelf.filter(feature)
    if chosen.feature is not None and chosen.feature < FIRST:
        names = shelf.names(Dimension.FEATURE).items()
        own = sorted(name for number, name in names if number >= FIRST)[:MOST_NAMED]
        raise UnknownValue(f"{feature} is no feature of its own", "feature", own)
    calls = _calls(shelf, window, chosen.feature)
    if len(store.every()) >= MOST:
        raise Refused(f"a project has at most {MOST} baselines; delete one that is not needed")
    pinned = Baseline(chosen.feature, name, note, window, now, by)
    if not store.insert(pinned):
        raise Taken("there is a baseline of this name; it does not change: delete it, or take another name")
    if calls <= FROZEN_AT_ONCE and rollups.lock(wait=False):
        freeze(pinned, now)
    return store.find(name, chosen.feature) or pinned


def freeze_due(now: datetime) -> int:
    """Freeze what is ready, and tell how many were. Under the roller's lock: nothing is being counted then.

    One that fails is tried again at the next time and never stops the others.
    """
    frozen = 0
    for baseline in store.settling(now):
        try:
            with transaction.atomic():
                frozen += freeze(baseline, now)
        except Exception:
            log.exception("baseline_not_frozen", baseline=baseline.name, feature=baseline.feature)
    return frozen


def ready_from(baseline: Baseline, shelf: Shelf) -> datetime:
    """From when on it can be frozen, at the earliest: its window is over, and late feedback has had its time."""
    mature_to = shelf.coverage(gathering.of_feature(baseline.feature)).mature_to
    return baseline.window.end + max(shelf.now - mature_to, timedelta(0))


def freeze(baseline: Baseline, now: datetime) -> bool:
    """Freeze it when its window is over, mature and counted."""
    shelf, chosen = Shelf(now), gathering.of_feature(baseline.feature)
    if shelf.coverage(chosen).mature_to < baseline.window.end or store.is_waiting(baseline.window):
        return False
    whole = shelf.aligned(baseline.window)
    users = gathering.UserRows(shelf).of(whole, chosen.feature, gathering.SIGNALS)
    found = Contents(gathering.side(shelf, whole, chosen, users), gathering.models(shelf, whole, chosen))
    return store.freeze(baseline, found, now)


def _check(name: str, note: str) -> None:
    """Raise Refused for a name or a note that cannot be kept."""
    for what, text in (("name", name), ("note", note)):
        if not is_holdable(text):
            raise Refused(f"a {what} holds no NUL and no half of a surrogate pair", what, ["text without either"])
    if not 0 < len(name) <= NAME_LENGTH or name != name.strip() or not name.isprintable() or "/" in name:
        allowed = f"1 to {NAME_LENGTH} characters, no slash, and no blanks around it"
        raise Refused(f"a name has {allowed}", "name", [allowed])
    if len(note) > NOTE_LENGTH:
        raise Refused(f"a note has at most {NOTE_LENGTH:,} characters", "note", [f"at most {NOTE_LENGTH:,} characters"])


def _calls(shelf: Shelf, window: Window, feature: int | None) -> int:
    """The calls in a window so far. Raises Refused for one that is too far ahead, or over and without any."""
    if window.end > shelf.now + FURTHEST:
        latest = f"a day up to {shelf.now + FURTHEST:%Y-%m-%d}"
        raise Refused(f"a baseline ends at most {FURTHEST.days} days ahead", "to", [latest])
    kept_from = _kept_from(shelf.now)
    if kept_from and window.start < kept_from:
        since = f"{kept_from:%Y-%m-%dT%H:%MZ}"
        raise Refused(f"numbers from before {since} are no longer kept", "from", [f"a day from {since} on"])
    if window.start >= shelf.now:
        return 0
    found = gathering.calls(shelf, shelf.aligned(window), gathering.of_feature(feature))
    if window.end <= shelf.now and not found:
        raise Refused("nothing was counted in this window", "from", ["a window with calls, or one that is not over"])
    return found


def _kept_from(now: datetime) -> datetime | None:
    """Since when the project keeps rollups; None when it keeps all of them."""
    project = Project.objects.get(pk=current_project())
    return horizons.rollup_horizon(project.rollup_days, project.raw_horizon, project.time_zone, now)


def _midnight(text: str, what: str, zone_name: str) -> datetime:
    """Where a local day begins. Raises Refused for what is no day and no instant at which one begins."""
    try:
        if len(text) == len("2026-01-31"):
            return day_start(date.fromisoformat(text), zone_name)
        at = parse(text)
    except (ValueError, OverflowError) as error:
        raise Refused(f"{what} is {A_DAY}", what, [A_DAY]) from error
    if day_start(local_day(at, zone_name), zone_name) != at:
        text = f"{what} is not where a day begins in {zone_name}: a baseline is made of whole local days"
        raise Refused(text, what, [A_DAY])
    return at
