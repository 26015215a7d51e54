"""A transition in words: subject, headline, the rows of facts, and why it is told now."""

from datetime import datetime

from alerts.messages import wording
from alerts.messages.notice import Missed, Notice
from alerts.messages.wording import NBSP, quantity

REFERENCES = {"baseline": "baseline", "previous": "the window before", "budget": "budget"}


def mark(severity: str) -> str:
    """Shape and word of a state."""
    return {"critical": "◆ Critical", "warning": "▲ Warning", "resolved": "● Resolved"}[severity]


def standing(notice: Notice) -> str:
    """What the message is about: resolved, or the severity reached."""
    return "resolved" if notice.kind == "resolved" else notice.severity


def subject(notice: Notice) -> str:
    """One line: how bad, where, what, against what, and what it was before."""
    word = standing(notice).capitalize()
    was = f" (was {notice.previous.capitalize()})" if notice.previous else ""
    title, value = wording.title_within(notice.title), quantity(notice.value, notice.unit)
    if notice.kind != "resolved":
        what = f"{title} {value}{_against(notice, 'limit')}"
    elif notice.resolved_by:
        what = f"{title} {value}, resolved by {notice.resolved_by}"
    else:
        what = f"{title} back at {value}"
    return wording.plain(wording.one_line(f"[{word}] {_where(notice)}: {what}{was}"))


def headline(notice: Notice) -> str:
    """One sentence that says what happened."""
    where = f" of {notice.feature}" if notice.feature else ""
    if notice.kind == "resolved":
        by = f", resolved by {notice.resolved_by}" if notice.resolved_by else ""
        verb = "stands at" if notice.resolved_by else "is back at"
        return f"{notice.title}{where} {verb} {quantity(notice.value, notice.unit)}{by}"
    verb = "rose" if notice.side == "above" else "fell"
    past = f"past its {notice.severity} limit of"
    return f"{notice.title}{where} {verb} to {quantity(notice.value, notice.unit)}{_against(notice, past)}"


def why_now(notice: Notice) -> str:
    """Why this message is sent now and not before."""
    if notice.kind == "resolved":
        return _why_resolved(notice)
    limit = quantity(limit_reached(notice), notice.unit)
    whole = "with its whole 95 % interval " if notice.certainty == "interval" else ""
    window = wording.span(notice.window_start, notice.window_end, notice.zone)
    text = f"In the window {window} it lay {whole}at or beyond the {notice.severity} limit of {limit}."
    if len(notice.trend) > 1:
        text += f" The window before stood at {quantity(notice.trend[-2], notice.unit)}."
    if notice.is_maturing:
        text += " Feedback keeps coming for a day, so windows made of it are judged a day later."
    if notice.previous:
        told = f"by {notice.acknowledged_by}" if notice.acknowledged_by else ""
        seen = f"it was acknowledged {told}" if told else "nobody has acknowledged it"
        text += (
            f" The incident was opened as {notice.previous} on {wording.moment(notice.opened_at, notice.zone)}; {seen}."
        )
    return text


def limit_reached(notice: Notice) -> float | None:
    """The limit of the severity that the incident now has."""
    return notice.critical_at if notice.severity == "critical" else notice.warning_at


def rows(notice: Notice) -> list[tuple[str, tuple[str, ...]]]:
    """The facts: label and lines, in the order of reading."""
    facts: list[tuple[str, tuple[str, ...]]] = [("Value", (_value(notice),))]
    if notice.reference is not None and notice.reference_kind:
        facts.append((REFERENCES[notice.reference_kind].capitalize(), (quantity(notice.reference, notice.unit),)))
    facts.append(("Rule", (notice.rule,)))
    facts.append(("Limits", tuple(_limits(notice))))
    facts.append(
        (
            "Sample",
            (f"n{NBSP}={NBSP}{notice.sample_size:,} {notice.counted}, at least {notice.minimum_sample:,} needed",),
        )
    )
    facts.append(("Since when", (_since(notice),)))
    if len(notice.trend) > 2:
        facts.append(("Trend", (wording.sparkline(notice.trend), _trend(notice))))
    return facts


def missed(items: tuple[Missed, ...], zone: str) -> str:
    """What could not be delivered before this message."""
    told = ", ".join(
        f"{item.kind} ({item.severity}) on {wording.moment(datetime.fromisoformat(item.at), zone)}" for item in items
    )
    return f"Not delivered before this message: {told}."


def _where(notice: Notice) -> str:
    return notice.feature or notice.project


def _against(notice: Notice, past: str) -> str:
    """', 7.9 points below baseline', or the limit (`past` says how) when there is nothing else to compare with."""
    if notice.value is None:
        return ""
    side = "above" if notice.side == "above" else "below"
    if notice.reference is not None and notice.reference_kind:
        far = wording.distance(notice.value, notice.reference, notice.unit)
        return f", {far} {side} {REFERENCES[notice.reference_kind]}"
    limit = limit_reached(notice)
    return f", {past} {quantity(limit, notice.unit)}" if limit is not None else ""


def _value(notice: Notice) -> str:
    between = wording.interval(notice.low, notice.high, notice.unit)
    shown = quantity(notice.value, notice.unit) + (f" ({between})" if between else "")
    return f"{shown}, {wording.span(notice.window_start, notice.window_end, notice.zone)}"


def _limits(notice: Notice) -> list[str]:
    word = "or more" if notice.side == "above" else "or less"
    limits = (("warning", notice.warning_at), ("critical", notice.critical_at))
    return [f"{name}: {quantity(limit, notice.unit)} {word}" for name, limit in limits if limit is not None]


def _since(notice: Notice) -> str:
    opened = f"incident open since {wording.moment(notice.opened_at, notice.zone)}"
    first = f"the window that ended {wording.until(notice.since, notice.zone)}"
    if notice.resolved_at is None:
        return f"{first}; {opened}"
    return f"{first}; open for {wording.length(notice.resolved_at - notice.opened_at)}, at worst {notice.peak_severity}"


def _trend(notice: Notice) -> str:
    first, last = quantity(notice.trend[0], notice.unit), quantity(notice.trend[-1], notice.unit)
    return f"{len(notice.trend)} windows up to this one, from {first} to {last}"


def _why_resolved(notice: Notice) -> str:
    if notice.resolved_by:
        note = f" ({notice.note})" if notice.note else ""
        return (
            f"{notice.resolved_by} resolved it{note}. Should it get worse than {notice.severity}, "
            "or recover and return, a new incident opens."
        )
    return (
        "Two windows in a row were back inside the limit by a clear margin, so that a value hovering around it "
        "does not come back at once."
    )
