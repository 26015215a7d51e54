"""What changed between two windows: the models that answered, and how much of a rate's move each one makes."""

from dashboards import formatting
from dashboards.components import Bars, Breakdown, Field, Heading, Row
from dashboards.view import View
from ingest.timeline import Window
from observatory.drift.findings import Case
from observatory.metrics.attribution import Cause, Part, Split, kitagawa
from observatory.metrics.derived import trials

MOST = 8
MODEL_HEADINGS = (
    Heading("Model served"),
    Heading("Before", numeric=True),
    Heading("Now", numeric=True),
    Heading("Change", numeric=True),
)
MIX_HEADINGS = (
    *MODEL_HEADINGS[:3],
    Heading("Mix", numeric=True, definition="What its larger or smaller share of the ratings adds."),
    Heading("Within", numeric=True, definition="What its own rate adds."),
)


CAUSES = {
    Cause.MIX: "Most of the move is mix: more calls go to models that people rate lower.",
    Cause.WITHIN: "Most of the move is within: the same models are rated differently.",
    Cause.BOTH: "Mix and within both take part.",
}


def models_table(view: View, feature: str, before: Window, now: Window) -> Breakdown:
    """Shares of the feature's calls by model, largest move first."""
    old, new = (trials.shares("calls", window, by="model", feature=feature, now=view.now) for window in (before, now))
    shares = {model: (old.get(model, 0.0), new.get(model, 0.0)) for model in old.keys() | new.keys()}
    moved = sorted(shares, key=lambda model: -abs(shares[model][1] - shares[model][0]))
    longest = max((share for both in shares.values() for share in both), default=0) or 1
    rows = [
        Row(
            (
                Field(model, bars=Bars(shares[model][0] / longest, shares[model][1] / longest)),
                Field(formatting.rate(shares[model][0])),
                Field(formatting.rate(shares[model][1])),
                Field(formatting.points(shares[model][1] - shares[model][0])),
            )
        )
        for model in moved[:MOST]
    ]
    rest = f" {len(moved) - MOST} more moved less." if len(moved) > MOST else ""
    legend = f"Hollow: baseline. Solid: last 7 days.{rest}"
    return Breakdown(
        "models",
        "What changed: models served",
        MODEL_HEADINGS,
        tuple(rows),
        "share of calls",
        legend,
    )


def mix_table(view: View, known: Case, before: Window, now: Window) -> Breakdown | None:
    """Kitagawa's split of a thumbs-up move by model, and its reading; None for signals that are no rate."""
    if known.signal.name != "thumbs_up_rate":
        return None
    split = Split(kitagawa(*(_thumbs(view, known.finding.series.feature, window) for window in (before, now))))
    if not split.parts:
        return None
    largest = sorted(split.parts, key=lambda part: -abs(part.total))
    rows = tuple(_row(part) for part in largest[:MOST])
    if len(largest) > MOST:
        rest = largest[MOST:]
        rows += (_together(f"{len(rest)} others", Split(rest)),)
    total = _together(f"All, {formatting.points(split.total)}", split)
    note, words = "thumbs-up; mix and within in points", CAUSES[split.cause] if split.cause else ""
    return Breakdown("mix", "Mix against within", MIX_HEADINGS, rows, note, words, total)


def _thumbs(view: View, feature: str, window: Window) -> dict[str, tuple[int, int]]:
    """Ratings and thumbs up by model."""
    found = trials.trials("thumbs_up_rate", window, by="model", feature=feature, now=view.now)
    return {model: (int(sample.n), int(sample.k)) for model, sample in found.items()}


def _row(part: Part) -> Row:
    return Row(
        (
            Field(part.name),
            Field(formatting.rate(part.rate_before)),
            Field(formatting.rate(part.rate_now)),
            Field(formatting.points(part.mix)),
            Field(formatting.points(part.within)),
        )
    )


def _together(name: str, split: Split) -> Row:
    sums = (Field(formatting.points(split.mix)), Field(formatting.points(split.within)))
    return Row((Field(name), Field(""), Field(""), *sums))
