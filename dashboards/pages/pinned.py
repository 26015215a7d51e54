"""The table that holds a dashboard's metrics against the baseline that somebody pinned last."""

from collections.abc import Sequence
from datetime import timedelta

from dashboards import formatting, present
from dashboards.components import Breakdown, Field, Heading, Row
from dashboards.view import View
from ingest import dictionary
from ingest.dimensions import Dimension
from ingest.timeline import Window
from observatory.metrics.baselines import against, store
from observatory.metrics.baselines.comparing import Compared
from observatory.metrics.baselines.store import Baseline
from observatory.metrics.baselines.verdicts import Verdict
from observatory.metrics.definitions import METRICS

WORDS = {
    Verdict.WORSE: "Worse",
    Verdict.BETTER: "Better",
    Verdict.CHANGED: "Changed",
    Verdict.UNCHANGED: "Unchanged",
    Verdict.CANNOT_TELL: "Cannot tell",
}


def tables(view: View, metrics: Sequence[str], window: Window) -> tuple[Breakdown, ...]:
    """The metrics over a window against the chosen feature's newest frozen baseline; no table where none is pinned."""
    baseline = _newest(view.choice.feature)
    if baseline is None:
        return ()
    found = against.against(baseline.name, window, feature=view.choice.feature, only=metrics, now=view.now)
    if not found.metrics:
        return ()
    words = present.window_words(view, window)
    last = baseline.window.end - timedelta(seconds=1)
    normal = f"{formatting.day(baseline.window.start, view.zone)} to {formatting.day(last, view.zone)}"
    warnings = dict.fromkeys([*found.warnings, *(said for one in found.metrics for said in one.warnings)])
    return (
        Breakdown(
            "pinned",
            f"Against baseline: {baseline.name}",
            (
                Heading("Metric"),
                Heading("Baseline", numeric=True),
                Heading(words, numeric=True),
                Heading("Difference", numeric=True, definition="Now minus the baseline"),
                Heading("95 %", numeric=True, definition="Where the difference lies in 95 of 100 cases"),
                Heading("n", numeric=True, definition="Events in the baseline, and now"),
                Heading("Verdict"),
            ),
            tuple(_row(one) for one in found.metrics),
            note=f"{words} against {normal}",
            footnote=" ".join([baseline.note, *warnings]).strip(),
        ),
    )


def _newest(feature: str | None) -> Baseline | None:
    """The baseline that was pinned last for a feature, or for all, and is frozen."""
    frozen = [one for one in store.every() if one.frozen_at is not None]
    number = dictionary.number_of(Dimension.FEATURE, feature) if feature and frozen else None
    return next((one for one in frozen if one.feature == number), None)


def _row(one: Compared) -> Row:
    metric = METRICS[one.metric]
    low, high = (one.interval.low, one.interval.high) if one.interval else (None, None)
    return Row(
        (
            Field(metric.title),
            Field(formatting.value(one.before, metric.unit)),
            Field(formatting.value(one.now, metric.unit)),
            Field(formatting.points(one.difference)),
            Field(formatting.DASH if low is None else f"{formatting.points(low)} to {formatting.points(high)}"),
            Field(f"{one.n_before:,} / {one.n_now:,}"),
            Field(WORDS[one.verdict]),
        )
    )
