"""Metrics against a pinned baseline: all of them over a window, or one for a reader's comparison."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ingest import dictionary
from ingest.dimensions import Dimension
from ingest.timeline import QUARTER, Window, floor
from observatory.metrics.baselines import comparing, gathering, pinning, store
from observatory.metrics.baselines.comparing import COMPARABLE, Compared, Side
from observatory.metrics.baselines.contents import Contents
from observatory.metrics.baselines.gathering import UserDays, UserRows
from observatory.metrics.baselines.store import Baseline
from observatory.metrics.definitions import METRICS
from observatory.metrics.metric import Metric
from observatory.metrics.reading import Comparison, Reading, Totals
from observatory.metrics.shelf import Filter, Shelf, UnknownValue
from observatory.metrics.windows import BadWindow

PREFIX = "baseline:"
UNPINNED = ("previous", "weekday", "baseline")
"""Comparisons with what nobody pinned."""
MOST_CALLS_BY_USER = 20_000
"""Of a window with more calls nobody asks which users made them: that would take too long while somebody waits."""

USERS_AS_BEFORE = f"The window has more than {MOST_CALLS_BY_USER:,} calls: how much users repeat themselves is taken from the baseline."


class Settling(BadWindow):
    """A baseline that is not frozen yet."""


@dataclass(frozen=True)
class Against:
    """All metrics that have a value on either side, over a window against a baseline, in the order of definitions."""

    baseline: Baseline
    window: Window
    mature_to: datetime
    metrics: Sequence[Compared]
    warnings: Sequence[str] = ()


def against(
    name: str, window: Window, *, feature: str | None = None, only: Collection[str] = (), now: datetime
) -> Against:
    """See `Pinned.against`."""
    return Pinned(Shelf(now)).against(name, window, feature=feature, only=only)


class Pinned:
    """The pinned baselines of one project as one request compares with them: what its questions share is read once."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._rows = UserRows(shelf)
        self._frozen: dict[tuple[str, int | None], tuple[Baseline, Contents]] = {}

    def expect(self, names: Collection[str]) -> None:
        """Metrics of these names will be compared: what users tell of them is read together."""
        self._rows.expect({signal for name in names for signal in comparing.signals_of(METRICS[name])})

    def against(self, name: str, window: Window, *, feature: str | None = None, only: Collection[str] = ()) -> Against:
        """Every metric, or `only` those, over a window against a frozen baseline; maturing ones over the part that is mature.

        Raises UnknownValue, Settling and BadWindow.
        """
        shelf = self._shelf
        chosen = shelf.filter(feature)
        baseline, frozen = self._contents(name, chosen.feature)
        whole = shelf.aligned(window)
        mature_to = floor(shelf.coverage(chosen).mature_to, QUARTER)
        asked = [one for one in METRICS.values() if one.kind in COMPARABLE and (not only or one.name in only)]
        before = frozen.side()
        users = self._users(whole, chosen.feature, before, asked)
        sides = _sides(shelf, whole, mature_to, chosen, users or {}, asked)
        found = [comparing.compare(metric, before, sides[metric.maturing]) for metric in asked]
        told = [one for one in found if one.before is not None or one.now is not None]
        warnings = overlap(baseline, whole) + ([USERS_AS_BEFORE] if users is None else [])
        return Against(baseline, whole, mature_to, told, warnings)

    def comparison(
        self, metric: Metric, kind: str, window: Window, chosen: Filter, answered: tuple[Reading, Totals]
    ) -> Comparison:
        """What a reader that was asked to compare with `baseline:NAME` answers; `window` is what was judged.

        Sums of windows of different length are not subtracted. Raises UnknownValue, Settling and BadWindow.
        """
        if metric.kind not in COMPARABLE:
            text = f"{metric.name} cannot be compared with a pinned baseline: it is not frozen with one"
            raise BadWindow(text, "compare", UNPINNED)
        baseline, frozen = self._named(kind.removeprefix(PREFIX), chosen.feature)
        model = _model(chosen)
        before = frozen.side(model)
        users = self._users(window, chosen.feature, before, [metric])
        now = replace(gathering.side(self._shelf, window, chosen, users or {}, [metric]), totals=answered[1])
        found = comparing.compare(metric, before, now)
        then, _ = comparing.readings(metric, before, now)
        is_sum = metric.is_additive
        # Days are kept of all models together: what goes by days has no interval of one model.
        is_known = not is_sum and (model is None or found.is_by_events)
        interval = (found.interval.low, found.interval.high) if found.interval and is_known else None
        difference = None if is_sum or answered[0].value is None else found.difference
        return Comparison(kind, baseline.window, then.value, difference, interval, then.sample_size)

    def _named(self, name: str, feature: int | None) -> tuple[Baseline, Contents]:
        """What a comparison names. Raises UnknownValue and Settling of the parameter that does."""
        try:
            return self._contents(name, feature)
        except UnknownValue as error:
            raise UnknownValue(error.args[0], "compare", [f"{PREFIX}{one}" for one in error.allowed]) from error
        except Settling as error:
            raise Settling(error.args[0], "compare", UNPINNED) from error

    def _contents(self, name: str, feature: int | None) -> tuple[Baseline, Contents]:
        if (name, feature) not in self._frozen:
            self._frozen[name, feature] = _frozen(self._shelf, name, feature)
        return self._frozen[name, feature]

    def _users(self, window: Window, feature: int | None, before: Side, asked: Sequence[Metric]) -> UserDays | None:
        """What user rows tell of the window of the signals that are compared; None of one with too many calls to ask."""
        signals = {signal for metric in asked for signal in comparing.signals_of(metric)} & before.users.keys()
        if not signals:
            return {}
        calls = gathering.calls(self._shelf, window, gathering.of_feature(feature))
        return None if calls > MOST_CALLS_BY_USER else self._rows.of(window, feature, sorted(signals), before.users)


def _model(chosen: Filter) -> int | None:
    """The model by number that a filter names; None for all."""
    numbers = dict(chosen.others)
    if others := numbers.keys() - {Dimension.MODEL}:
        text = "a pinned baseline is frozen by feature and model: no other dimension can be compared with it"
        raise BadWindow(text, min(others).name.lower(), ("feature", "model"))
    return numbers.get(Dimension.MODEL)


def names(baselines: Sequence[Baseline]) -> Mapping[int, str]:
    """The features that baselines are of, by number."""
    return dictionary.values(Dimension.FEATURE) if any(one.feature for one in baselines) else {}


def named(name: str, feature: int | None) -> Baseline:
    """A baseline by its name. Raises UnknownValue, which names those there are."""
    baseline = store.find(name, feature)
    if baseline is None:
        there = [one.name for one in store.every() if one.feature == feature]
        raise UnknownValue(
            f"no baseline of this name {'for all features' if feature is None else 'for this feature'};"
            f" there are {', '.join(map(repr, there)) or 'none yet'}",
            "name",
            there,
        )
    return baseline


def overlap(baseline: Baseline, window: Window) -> list[str]:
    """In words, that the window holds a part of the baseline; nothing when it does not."""
    if window.start < baseline.window.end and baseline.window.start < window.end:
        return ["The window overlaps the baseline: what is in both hides a part of any change."]
    return []


def _frozen(shelf: Shelf, name: str, feature: int | None) -> tuple[Baseline, Contents]:
    baseline = named(name, feature)
    contents = store.contents(baseline)
    if contents is None:
        when = pinning.ready_from(baseline, shelf)
        raise Settling(
            f"the baseline is settling: it is frozen once its window is over, mature and counted, from {when:%Y-%m-%dT%H:%MZ} on"
        )
    return baseline, contents


def _sides(
    shelf: Shelf, window: Window, mature_to: datetime, chosen: Filter, users: UserDays, asked: Sequence[Metric]
) -> Mapping[bool, Side]:
    """The window as metrics see it that mature, and as the others do; of each only what is asked of it."""
    sides = {False: Side(Totals()), True: Side(Totals())}
    for is_maturing in sides:
        metrics = [metric for metric in asked if metric.maturing is is_maturing]
        end = min(window.end, mature_to) if is_maturing else window.end
        if metrics and window.start < end:
            judged = Window(window.start, end)
            sides[is_maturing] = gathering.side(shelf, judged, chosen, users, metrics)
    return sides
