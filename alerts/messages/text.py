"""The plain form of a mail."""

import textwrap

from alerts.messages import links, sentences
from alerts.messages.notice import Envelope, Notice, Plain
from alerts.messages.wording import moment, plain, until

WIDTH = 72
LABEL = 14


def of_incident(notice: Notice, envelope: Envelope) -> str:
    """The whole letter, in lines of at most 72 signs except for addresses."""
    was = f", was {notice.previous}" if notice.previous else ""
    head = f"{sentences.standing(notice).upper()}{was} - {notice.project} - Incident {notice.incident_id}"
    url = envelope.public_url
    parts = [
        head,
        _wrapped(f"{sentences.headline(notice)}."),
        f"View incident   {links.incident(notice, url)}\nSee the metric  {links.metric(notice, url)}",
        "\n".join(_row(label, lines) for label, lines in sentences.rows(notice)),
        f"{'WHY THIS ENDED' if notice.kind == 'resolved' else 'WHY NOW'}\n{_wrapped(sentences.why_now(notice))}",
    ]
    if envelope.missed:
        parts.append(_wrapped(sentences.missed(envelope.missed, notice.zone)))
    parts.append(f"LOOK HERE FIRST\nThe interactions behind this number:\n{links.interactions(notice, url)}")
    return plain("\n\n".join(parts) + "\n\n" + _footer(notice, envelope))


def of_plain(message: Plain, envelope: Envelope) -> str:
    """A message about the receiver itself."""
    change = f"Change what you receive: {links.settings(message.slug, envelope.public_url)}"
    footer = f"-- \n{change}\nDelivery {envelope.delivery_id}.\n"
    return plain(f"{message.title}\n\n{_wrapped(message.text)}\n\n{footer}")


def because(notice: Notice, envelope: Envelope) -> str:
    """Why this person gets this mail."""
    least = "critical incidents" if envelope.minimum_severity == "critical" else "incidents"
    return (
        f"You receive this because {envelope.address} is a recipient of {notice.project} for {least} of this project. "
        "We write when an incident opens, gets worse or ends, and never repeat ourselves in between. "
        "Acknowledge or resolve it on the incident's page."
    )


def judged(notice: Notice) -> str:
    """When the window was judged, and how far its data reach."""
    return f"judged {moment(notice.judged_at, notice.zone)} on data to {until(notice.window_end, notice.zone)}"


def _footer(notice: Notice, envelope: Envelope) -> str:
    change = f"Change what you receive: {links.settings(notice.slug, envelope.public_url)}"
    tail = f"Observatory, {judged(notice)}.\nDelivery {envelope.delivery_id}."
    return f"-- \n{_wrapped(because(notice, envelope))}\n{change}\n{tail}\n"


def _row(label: str, lines: tuple[str, ...]) -> str:
    first, *rest = [part for line in lines for part in textwrap.wrap(line, WIDTH - LABEL) or [""]]
    return "\n".join([f"{label:<{LABEL}}{first}", *(f"{'':<{LABEL}}{line}" for line in rest)])


def _wrapped(text: str) -> str:
    return "\n".join(textwrap.wrap(text, WIDTH, break_on_hyphens=False))
