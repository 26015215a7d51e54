"""What changed between two windows: the models that answered, and how much of a rate's move each one makes."""

from dashboards import formatting
from dashboards.components import Bars, Breakdown, Field, Heading, Row
from dashboards.view import View
from ingest.timeline import Window
from observatory.drift.findings import Case
from observatory.drift.methods.attribution import Part, kitagawa
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
    parts = kitagawa(*(_thumbs(view, known.finding.series.feature, window) for window in (before, now)))
    if not parts:
        return None
    mix, within = sum(part.mix for part in parts), sum(part.within for part in parts)
    largest = sorted(parts, key=lambda part: -abs(part.total))
    rows = tuple(_row(part) for part in largest[:MOST])
    if len(parts) > MOST:
        rest = largest[MOST:]
        rows += (
            Row(
                (
                    Field(f"{len(rest)} others"),
                    Field(""),
                    Field(""),
                    Field(formatting.points(sum(p.mix for p in rest))),
                    Field(formatting.points(sum(p.within for p in rest))),
                )
            ),
        )
    total = Row(
        (
            Field(f"All, {formatting.points(mix + within)}"),
            Field(""),
            Field(""),
            Field(formatting.points(mix)),
            Field(formatting.points(within)),
        )
    )
    note = "thumbs-up; mix and within in points"
    return Breakdown("mix", "Mix against within", MIX_HEADINGS, rows, note, _reading(mix, within), total)


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


def _reading(mix: float, within: float) -> str:
    total = mix + within
    if total == 0:
        return ""
    share = mix / total
    if share >= 0.6:
        return "Most of the move is mix: more calls go to models that people rate lower."
    return (
        "Most of the move is within: the same models are rated differently."
        if share <= 0.4
        else "Mix and within both take part."
    )
