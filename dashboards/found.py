"""Findings in words: the sentence, the headline, and what stood near the beginning."""

from dataclasses import dataclass
from datetime import date

import msgspec

from dashboards import changes, formatting
from dashboards.components import State
from dashboards.formatting import MONTHS, NBSP
from dashboards.view import View
from ingest import timeline
from ingest.models import ChangeEvent
from ingest.timeline import DAY
from observatory.drift import findings
from observatory.drift.methods.shape import Effect
from observatory.drift.models import Finding
from observatory.drift.signals import SIGNALS, Signal

VERBS = {"down": "fell", "up": "rose"}


@dataclass(frozen=True)
class Shown:
    """One finding as lists tell it."""

    id: int
    state: State
    word: str
    headline: str
    sentence: str
    evidence: int


def day(on: date) -> str:
    """'24 Jul'."""
    return f"{on.day}{NBSP}{MONTHS[on.month - 1]}"


def days(first: date, last: date) -> str:
    """'22–27 Jul', '28 Jul – 3 Aug', '24 Jul'."""
    if first == last:
        return day(first)
    return f"{first.day}–{day(last)}" if first.month == last.month else f"{day(first)} – {day(last)}"


def effect_of(finding: Finding) -> Effect:
    """The stored effect."""
    return msgspec.convert(finding.effect, Effect)


def unit_of(signal: Signal) -> str:
    """Rates are ratios; typical values are counts of tokens."""
    return "ratio" if signal.is_rate else "count"


def headline(finding: Finding) -> str:
    """'Thumbs-up for write-draft fell from 75.2 % to 65.4 %'."""
    signal, effect = SIGNALS[finding.series.signal], effect_of(finding)
    unit = unit_of(signal)
    moved = f"from {formatting.value(effect.baseline_value, unit)} to {formatting.value(effect.value, unit)}"
    return f"{signal.title} for {finding.series.feature} {VERBS[finding.direction]} {moved}"


def lead(finding: Finding, near: list[ChangeEvent], zone_name: str) -> str:
    """The value with its interval, when it became visible, and what changed near that day."""
    signal, effect = SIGNALS[finding.series.signal], effect_of(finding)
    span = formatting.interval(effect.interval.low, effect.interval.high, unit_of(signal))
    visible = (
        f"It became visible around {day(finding.started_day)} ({days(finding.started_low, finding.started_high)})."
    )
    words = [f"Last 7 days: {span}, n = {formatting.count(effect.n)}.", visible]
    if near:
        first = near[0]
        on = day(timeline.local_day(first.occurred_at, zone_name))
        title = changes.title_about(first, finding.series.feature)
        words.append(f"On {on} {moved_words(first, title)}.")
    return " ".join(words)


def moved_words(event: ChangeEvent, title: str) -> str:
    """'traffic moved: gpt-4 31 → 12 %' for what we noticed ourselves, 'deploy: Release 4.4.0' for what was announced."""
    if event.source == ChangeEvent.Source.NOTICED:
        return f"traffic moved: {title}"
    return f"{event.kind.replace('_', ' ')}: {title}"


def promise(finding: Finding) -> str:
    """What a finding of this series is worth: 1/α quarters of 90 days, both sides together."""
    alpha = sum(side.alpha for side in SIGNALS[finding.series.signal].sides)
    return f"This series alarms falsely at most once in {round(1 / alpha)} quarters."


def shown(view: View, finding: Finding) -> Shown:
    """A finding for a list."""
    near = findings.changes_near(finding, view.project.time_zone)
    head = headline(finding)
    state = State.OK if not finding.is_open else State.CRITICAL if finding.is_strong else State.WARNING
    word = "Resolved" if not finding.is_open else "Strong finding" if finding.is_strong else "Finding"
    sentence = f"{head}. {lead(finding, near, view.project.time_zone)}"
    return Shown(int(finding.pk), state, word, head, sentence, round(finding.series.evidence))


def open_shown(view: View) -> list[Shown]:
    """The findings that stand, in words."""
    return [shown(view, one) for one in findings.open_findings()]


def window_of(on: date, length: int, zone_name: str) -> tuple[timeline.Window, str]:
    """The local days up to and including `on`, and their words."""
    first = on - (length - 1) * DAY
    window = timeline.Window(timeline.day_start(first, zone_name), timeline.day_start(on + DAY, zone_name))
    return window, days(first, on)
