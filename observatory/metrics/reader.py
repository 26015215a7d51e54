"""Answers to questions about metrics: stored buckets added up and judged by the metric's definition."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from ingest.dimensions import FeedbackKind
from ingest.timeline import DAY, HOUR, Window, day_window, days, local_day
from observatory.metrics import derived, distributions, filtering, formulas, reads, users, windows
from observatory.metrics.baselines import against
from observatory.metrics.derived import reach
from observatory.metrics.metric import Kind, Metric
from observatory.metrics.months import Span
from observatory.metrics.reading import Answer, Comparison, Coverage, Point, Reading, Seam, Totals
from observatory.metrics.reads import UNTOLD
from observatory.metrics.sent import Sent
from observatory.metrics.sheets import COMBINATION, Family
from observatory.metrics.shelf import DIMENSIONS, Filter, Shelf, metric_of
from observatory.metrics.windows import BadWindow, Grain

COMPARISONS = ("previous", "weekday", "baseline")
BY_DAYS = (Kind.USERS, Kind.PER_USER, Kind.DERIVED)
"""Kinds of what only local days are known of: users above all."""

_INSTANT = timedelta(microseconds=1)

Answered = tuple[Reading, Totals]
Points = Sequence[Window]


class Reader:
    """One project's metrics as they stand at `now`. Make one for each request: it keeps what does not change in it."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self._shelf = Shelf(now)
        self._sent = self._shelf.once(Sent)
        self.pinned = against.Pinned(self._shelf)

    @property
    def zone(self) -> str:
        """The project's time zone, whose local days are days."""
        return self._shelf.zone

    def coverage(self, feature: str | None = None, window: Window | None = None) -> Coverage:
        """How far the numbers reach, those of a window if one is given: of one feature, or of all (the one that matures
        slowest counts).
        """
        return self._shelf.coverage(self._shelf.filter(feature), window=window)

    @property
    def users_complete_to(self) -> datetime:
        """How far numbers of users reach, which come minutes after the others where many calls come in."""
        return self._shelf.users_complete_to

    def first_day(self, feature: str | None = None) -> Window | None:
        """The local day of the first interaction, of one feature or of all; None before there is one."""
        first = self._shelf.first_call(self._shelf.filter(feature).feature)
        return day_window(local_day(first, self._shelf.zone), self._shelf.zone) if first else None

    def read(
        self,
        name: str,
        window: Window,
        *,
        grain: str = "auto",
        feature: str | None = None,
        where: Mapping[str, str] | None = None,
        group_by: str | None = None,
        compare: str | None = None,
    ) -> Answer:
        """See `series.read`."""
        metric, chosen = self._asked(name, feature, where, group_by)
        family = self._family(chosen, group_by)
        whole = self._comparable(reach.widened(metric, self._shelf, window), compare, family)
        judged = self._judged(metric, whole, chosen, family)
        size = self._grain(metric, whole, grain, family)
        answered = self._answer(metric, judged or whole, chosen, is_ripe=judged is not None)
        cover = self._shelf.coverage(chosen, family, reach.rests_on(metric, judged or whole, self.zone))
        return Answer(
            metric=name,
            window=whole,
            judged=judged or whole,
            grain=size,
            complete_to=min(cover.complete_to, reach.complete_to(metric, self._shelf, judged or whole) or self.now),
            mature_to=cover.mature_to,
            reading=answered[0],
            comparison=self._compared(metric, compare, whole.length, judged or whole, chosen, answered),
            series=self._series(metric, windows.points(whole, size, self._shelf.zone), size, chosen),
            groups=self._groups([metric], whole, chosen, group_by).get(name, {}) if group_by else {},
            untold=self._untold(metric, answered[0], judged or whole, chosen, group_by),
            seams=self.seams(whole),
        )

    def seams(self, window: Window) -> tuple[Seam, ...]:
        """The seams after a window's start: before each of them, days are days of another time zone."""
        return tuple(seam for seam in self._shelf.seams if seam.at > window.start)

    def reading(
        self, name: str, window: Window, *, feature: str | None = None, where: Mapping[str, str] | None = None
    ) -> Reading:
        """See `series.reading`."""
        metric, chosen = self._asked(name, feature, where)
        family = chosen.selection.family
        whole = self._shelf.aligned(reach.widened(metric, self._shelf, window), family)
        judged = self._judged(metric, whole, chosen, family)
        return self._answer(metric, judged or whole, chosen, is_ripe=judged is not None)[0]

    def readings(
        self,
        names: Sequence[str],
        window: Window,
        *,
        feature: str | None = None,
        where: Mapping[str, str] | None = None,
    ) -> dict[str, Reading]:
        """What `reading` says of each of some metrics that sums of buckets give, read together."""
        chosen, found = self._shelf.filter(feature, where), dict[str, Reading]()
        for name in names:
            filtering.refuse(metric_of(name), chosen.dimensions)
        family = chosen.selection.family
        whole = self._shelf.aligned(window, family)
        for is_maturing in (False, True):
            of_kind = [metric for metric in map(metric_of, names) if metric.maturing is is_maturing]
            judged = self._judged(of_kind[0], whole, chosen, family) if of_kind else None
            (groups,) = self._shelf.totals(of_kind, [judged or whole], chosen.selection) if of_kind else ({},)
            for metric in of_kind:
                totals = reads.chosen_of(groups, chosen.selection, metric)
                (read,) = self._judge(metric, [judged or whole], [totals], chosen)
                found[metric.name] = read if judged is not None else formulas.unripe(read)
        return {name: found[name] for name in names}

    def distribution(
        self,
        name: str,
        window: Window,
        *,
        feature: str | None = None,
        where: Mapping[str, str] | None = None,
        bins: int = distributions.USUAL_BINS,
    ) -> distributions.Distributed:
        """See `series.distribution`."""
        metric, chosen = self._asked(name, feature, where)
        distributions.refuse_without(metric)
        family = chosen.selection.family
        whole = self._shelf.aligned(window, family)
        judged = self._judged(metric, whole, chosen, family)
        answered = self._answer(metric, judged or whole, chosen, is_ripe=judged is not None)
        cover = self._shelf.coverage(chosen, family, judged or whole)
        found = distributions.shown(metric, whole, judged, cover, answered, bins)
        return replace(found, seams=self.seams(whole))

    def series(
        self,
        name: str,
        window: Window,
        grain: str = "auto",
        *,
        feature: str | None = None,
        where: Mapping[str, str] | None = None,
        rolling_days: int | None = None,
    ) -> tuple[Point, ...]:
        """See `series.series`."""
        metric, chosen = self._asked(name, feature, where)
        family = chosen.selection.family
        whole = self._shelf.aligned(window, family)
        if rolling_days is not None:
            return self._rolling(metric, whole, rolling_days, chosen)
        size = self._grain(metric, whole, grain, family)
        return self._series(metric, windows.points(whole, size, self._shelf.zone), size, chosen)

    def breakdown(
        self,
        names: Sequence[str],
        window: Window,
        *,
        by: str = "feature",
        feature: str | None = None,
        where: Mapping[str, str] | None = None,
    ) -> dict[str, dict[str, Reading]]:
        """See `series.breakdown`."""
        chosen = self._shelf.filter(feature, where)
        whole = self._shelf.aligned(window, self._family(chosen, by))
        found = self._groups([metric_of(name) for name in dict.fromkeys(["calls", *names])], whole, chosen, by)
        order = sorted(found["calls"], key=lambda value: -found["calls"][value].sample_size)
        order += [value for name in names for value in found[name] if value not in found["calls"]]
        return {
            value: {name: found[name].get(value, formulas.NO_DATA) for name in names} for value in dict.fromkeys(order)
        }

    def _asked(
        self, name: str, feature: str | None, where: Mapping[str, str] | None, group_by: str | None = None
    ) -> tuple[Metric, Filter]:
        metric, chosen = metric_of(name), self._shelf.filter(feature, where)
        filtering.refuse(metric, chosen.dimensions, group_by, is_of_feature=chosen.feature is not None)
        return metric, chosen

    def _family(self, chosen: Filter, by: str | None) -> Family:
        """Which sets of sheets answer: their buckets are what windows are made of."""
        if by is None:
            return chosen.selection.family
        if by not in DIMENSIONS:
            raise BadWindow(f"group_by is one of {', '.join(DIMENSIONS)}", "group_by", DIMENSIONS)
        return chosen.grouped(DIMENSIONS[by]).family

    def _comparable(self, window: Window, compare: str | None, family: Family) -> Window:
        """The window as it is stored; in quarters where those before it are, so that sums are over equal lengths.

        A day or more stays as it is: a quarter of an hour is a hundredth of it, and what just came must be in it.
        """
        whole = self._shelf.aligned(window, family)
        if window.length >= DAY or family is Family.WIDE:
            return whole
        other = self._before(compare, whole, whole.length)
        is_coarser = other is not None and other.start < self._shelf.account.minutes_from
        return self._shelf.aligned(windows.in_quarters(window, self.now)) if is_coarser else whole

    def _judged(
        self, metric: Metric, window: Window, chosen: Filter, family: Family = Family.HEADLINE
    ) -> Window | None:
        return self._shelf.judged(metric, window, chosen, family)

    def _grain(self, metric: Metric, window: Window, wanted: str, family: Family = Family.HEADLINE) -> Grain:
        if metric.kind not in BY_DAYS:
            return self._shelf.grain(window, wanted, family)
        if wanted not in ("auto", Grain.DAY):
            raise BadWindow(f"{metric.name} goes by local days: grain is auto or 1d", "grain", ("auto", Grain.DAY))
        return self._shelf.grain(window, Grain.DAY)

    def _answer(self, metric: Metric, window: Window, chosen: Filter, *, is_ripe: bool = True) -> Answered:
        """The reading over a window and what it was computed from; what is not ripe has a sample size and no value."""
        (totals,) = self._of_value(metric, [window], chosen, Grain.DAY)
        reading = self._reading_of(metric, window, chosen, totals)
        return reading if is_ripe else formulas.unripe(reading), totals

    def _of_value(self, metric: Metric, points: Sequence[Window], chosen: Filter, grain: Grain) -> list[Totals]:
        """The totals of the one value that the filter chooses, per point."""
        if metric.kind in (Kind.USERS, Kind.EVENTS, Kind.DERIVED, Kind.NOT_INSTRUMENTED):
            return [Totals() for _ in points]
        selection = chosen.selection
        found = self._shelf.totals([metric], points, selection, grain)
        return [reads.chosen_of(groups, selection, metric) for groups in found]

    def _judge(
        self, metric: Metric, points: Sequence[Window], totals: Sequence[Totals], chosen: Filter
    ) -> list[Reading]:
        """One reading per point from its totals, and from users or events where the metric counts those."""
        computed = self._computed(metric, points, totals, chosen)
        readings = self._sent.judged(metric, computed, points, chosen.feature)
        return [formulas.beyond(*both) for both in zip(readings, totals, strict=True)] if totals else readings

    def _computed(
        self, metric: Metric, points: Sequence[Window], totals: Sequence[Totals], chosen: Filter
    ) -> list[Reading]:
        """The same as if everything had been sent."""
        if metric.kind is Kind.DERIVED:
            return derived.judge(metric, self._shelf, points, chosen)
        is_known = [self._shelf.is_known(point, chosen.feature) for point in points]
        if metric.kind is Kind.EVENTS:
            counts = reads.events(metric.needs or FeedbackKind.ESCALATION, points, chosen.feature)
            is_known = [self._shelf.is_raw(point) and known for point, known in zip(points, is_known, strict=True)]
            return [formulas.judge_events(n, is_known=known) for n, known in zip(counts, is_known, strict=True)]
        if metric.kind not in BY_DAYS:
            return [formulas.judge(metric, part, is_known=known) for part, known in zip(totals, is_known, strict=True)]
        found = users.distinct([self._days(metric, point) for point in points], chosen.feature)
        if metric.kind is Kind.USERS:
            return [formulas.judge_users(of, is_known=known) for of, known in zip(found, is_known, strict=True)]
        return [formulas.judge_per_user(metric, part, of) for part, of in zip(totals, found, strict=True)]

    def _days(self, metric: Metric, window: Window) -> Span:
        """The local days whose users a window is about: its own, or the metric's number of days up to its end."""
        if metric.kind is Kind.USERS:
            return windows.last_days(window.end, metric.days, self._shelf.zone)
        return local_day(window.start, self._shelf.zone), local_day(window.end - _INSTANT, self._shelf.zone)

    def _mean_day(self, metric: Metric, window: Window, chosen: Filter) -> Reading:
        """The mean over the window's whole, closed days; the last day so far when there is none."""
        touched, end = windows.points(window, Grain.DAY, self._shelf.zone), min(window.end, self.now)
        whole = [day for day in touched if day.start >= window.start and day.end <= end] or touched[-1:]
        return formulas.mean_of(self._judge(metric, whole, [], chosen))

    def _series(self, metric: Metric, points: Sequence[Window], grain: Grain, chosen: Filter) -> tuple[Point, ...]:
        if not metric.has_series:
            return ()
        totals = self._of_value(metric, points, chosen, grain)
        return self._placed(metric, points, self._judge(metric, points, totals, chosen), chosen)

    def _rolling(self, metric: Metric, window: Window, count: int, chosen: Filter) -> tuple[Point, ...]:
        """Each local day's point is about the `count` days up to it."""
        if metric.kind in BY_DAYS or metric.kind is Kind.EVENTS or count < 1:
            raise BadWindow(f"{metric.name} has no rolling series of {count} days")
        points = windows.points(window, Grain.DAY, self._shelf.zone)
        first = local_day(points[0].start, self._shelf.zone)
        before = [day_window(day, self._shelf.zone) for day in days(first - (count - 1) * DAY, first - DAY)]
        daily = self._of_value(metric, [*before, *points], chosen, Grain.DAY)
        totals = [formulas.merged(daily[end - count : end]) for end in range(count, len(daily) + 1)]
        about = [Window(day.start, end.end) for day, end in zip([*before, *points], points, strict=False)]
        return self._placed(metric, points, self._judge(metric, points, totals, chosen), chosen, about)

    def _placed(
        self, metric: Metric, points: Sequence[Window], read: Sequence[Reading], chosen: Filter, about: Points = ()
    ) -> tuple[Point, ...]:
        mature_to = self._shelf.coverage(chosen).mature_to
        about = about or [reach.rests_on(metric, point, self.zone) for point in points]
        told = self._shelf.are_counted(metric, about, chosen.selection.family)
        met = reach.are_counted(metric, self._shelf, points)
        cut = self._shelf.are_cut(points)
        return tuple(
            Point(point, reading, is_told and is_met, not metric.maturing or point.end <= mature_to, is_cut)
            for point, reading, is_told, is_met, is_cut in zip(points, read, told, met, cut, strict=True)
        )

    def _compared(
        self, metric: Metric, kind: str | None, length: timedelta, judged: Window, chosen: Filter, answered: Answered
    ) -> Comparison | None:
        """The same metric over the window to compare with; None without a kind, or before there is such a window."""
        if kind is None:
            return None
        if kind.startswith(against.PREFIX):
            return self.pinned.comparison(metric, kind, judged, chosen, answered)
        other = self._other_window(metric, kind, length, judged, chosen)
        if other is None:
            return None
        then = self._answer(metric, other, chosen)
        return formulas.compare(metric, kind, other, answered, then)

    def _other_window(
        self, metric: Metric, kind: str, length: timedelta, judged: Window, chosen: Filter
    ) -> Window | None:
        if kind == "baseline":
            return self._baseline(chosen)
        if kind == "previous" and reach.goes_by_days(metric):
            return windows.days_before(judged, self._shelf.zone)
        other = self._before(kind, judged, length)
        if other:
            found = self._shelf.aligned(other, chosen.selection.family)
            # Where only days are kept, parts of a day cannot be compared with anything.
            is_stretched = found.start < self._shelf.raw_horizon and found.length - other.length >= HOUR
            return None if is_stretched else found
        known = (*COMPARISONS, f"{against.PREFIX}NAME")
        raise BadWindow(f"compare is one of {', '.join(known)}", "compare", known)

    def _before(self, kind: str | None, window: Window, length: timedelta) -> Window | None:
        """A window, or its judged part, moved back by the window's length or its weeks; None for another kind."""
        if kind == "previous":
            return Window(window.start - length, window.end - length)
        if kind == "weekday":
            return windows.weeks_before(window, self._shelf.zone, windows.weeks_in(length))
        return None

    def _baseline(self, chosen: Filter) -> Window | None:
        """The first 28 full days of the feature, or of the project; None until they are over."""
        first = self._shelf.first_call(chosen.feature)
        window = windows.baseline(first, self._shelf.zone) if first else None
        return window if window and window.end <= self.now else None

    def _groups(
        self, metrics: Sequence[Metric], window: Window, chosen: Filter, by: str
    ) -> dict[str, dict[str, Reading]]:
        """Metric → value of the dimension → reading, most events first; metrics of the same window are read together."""
        found: dict[str, dict[str, Reading]] = {metric.name: {} for metric in metrics}
        together: dict[tuple[bool, Window], list[Metric]] = {}
        for metric in metrics:
            together.setdefault((metric.maturing, reach.widened(metric, self._shelf, window)), []).append(metric)
        for (_, whole), of_kind in together.items():
            judged = self._judged(of_kind[0], whole, chosen, self._family(chosen, by))
            found |= self._group(of_kind, judged or whole, chosen, by, is_ripe=judged is not None)
        return found

    def _untold(self, metric: Metric, read: Reading, window: Window, chosen: Filter, by: str | None) -> int | None:
        """What combinations leave out of a reading, or of its groups alone; None where there are none."""
        if read.untold is not None or by is None or chosen.grouped(DIMENSIONS[by]).dimension != COMBINATION:
            return read.untold
        (groups,) = self._shelf.totals([replace(metric, distribution=None)], [window], chosen.grouped(DIMENSIONS[by]))
        return reads.untold(groups, metric)

    def _group(
        self, metrics: Sequence[Metric], window: Window, chosen: Filter, by: str, *, is_ripe: bool
    ) -> dict[str, dict[str, Reading]]:
        dimension = DIMENSIONS[by]
        selection = chosen.grouped(dimension)
        (groups,) = self._shelf.totals(metrics, [window], selection)
        told = {number: totals for number, totals in groups.items() if number != UNTOLD}
        names = self._shelf.names(dimension)
        found: dict[str, dict[str, Reading]] = {}
        for metric in metrics:
            readings = {}
            untold = reads.untold(groups, metric) if selection.dimension == COMBINATION else None
            is_told = filtering.is_told(metric, chosen.dimensions, by)
            for number, totals in told.items():
                value, known = chosen.narrowed(dimension, number), replace(totals, untold=untold)
                read = self._reading_of(metric, window, value, known) if is_told else formulas.NOT_INSTRUMENTED
                readings[names.get(number, f"#{number}")] = read if is_ripe else formulas.unripe(read)
            found[metric.name] = dict(sorted(readings.items(), key=lambda item: -item[1].sample_size))
        return found

    def _reading_of(self, metric: Metric, window: Window, value: Filter, totals: Totals) -> Reading:
        if metric.kind is Kind.USERS and metric.days == 1:
            return self._mean_day(metric, window, value)
        return self._judge(metric, [window], [totals], value)[0]
