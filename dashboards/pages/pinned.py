"""The table that holds a dashboard's metrics against the chosen baseline, or the one that somebody pinned last."""

from collections.abc import Sequence
from datetime import timedelta

from dashboards import formatting, present
from dashboards.components import Breakdown, Field, Heading, Row
from dashboards.filters import PINNED
from dashboards.view import View
from ingest.timeline import Window
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


def table(view: View, metrics: Sequence[str], window: Window) -> Breakdown | None:
    """The metrics over a window against the chosen baseline, or the feature's newest; None where none is frozen."""
    baseline = _wanted(view)
    if baseline is None:
        return None
    found = view.reader.pinned.against(baseline.name, window, feature=view.choice.feature, only=metrics)
    if not found.metrics:
        return None
    words = present.window_words(view, window)
    last = baseline.window.end - timedelta(seconds=1)
    normal = f"{formatting.day(baseline.window.start, view.zone)} to {formatting.day(last, view.zone)}"
    warnings = dict.fromkeys([*found.warnings, *(said for one in found.metrics for said in one.warnings)])
    return Breakdown(
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
        footnote=" ".join([*_noted(baseline), *warnings]),
    )


def _noted(baseline: Baseline) -> list[str]:
    """What somebody wrote when they pinned it, apart from what is said of the numbers."""
    return [f"Pinned with the note “{baseline.note}”."] if baseline.note else []


def _wanted(view: View) -> Baseline | None:
    """The frozen baseline that the address names, else the one that was pinned last for the feature, or for all."""
    frozen = view.pinned(view.choice.feature)
    chosen = view.choice.compare.removeprefix(PINNED)
    return next((one for one in frozen if one.name == chosen), next(iter(frozen), None))


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
