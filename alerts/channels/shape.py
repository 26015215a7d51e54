"""What every channel takes and gives back."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from alerts.messages.notice import Envelope, Missed, Notice, Plain


class Result(StrEnum):
    """How an attempt ended. GONE: the receiver says that it will never take anything again."""

    SENT = "sent"
    FAILED = "failed"
    GONE = "gone"


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended, why, and how long the receiver asks us to wait."""

    result: Result
    detail: str = ""
    retry_after_s: float | None = None


@dataclass(frozen=True)
class Outgoing:
    """One message on its way: everything a channel needs, without the database."""

    channel: str
    delivery_id: int
    project_id: int
    incident_id: int | None
    envelope: Envelope
    content: Mapping[str, Any]
    url: str = ""
    secret: str = ""

    @property
    def notice(self) -> Notice | None:
        """The transition that is told of; None for a message about the receiver itself."""
        return Notice.from_json(self.content["notice"]) if "notice" in self.content else None

    @property
    def plain(self) -> Plain:
        """The message about the receiver itself."""
        return Plain(**self.content["plain"])


def missed_of(content: Mapping[str, Any]) -> tuple[Missed, ...]:
    """The messages that were folded into this one."""
    return tuple(Missed(**item) for item in content.get("missed", ()))
