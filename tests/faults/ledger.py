"""The append-only log of what clients sent and what they were promised."""

import os
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Account:
    """What a ledger says: digests by id of all that was sent, the ids that were promised, and what was refused."""

    sent: dict[str, str] = field(default_factory=dict)
    promised: set[str] = field(default_factory=set)
    created: Counter[str] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)


class Ledger:
    """One file, one line a fact; a line is written before the next byte goes to the product."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._lock = threading.Lock()
        self.promises = 0

    def sent(self, digests: Mapping[str, str]) -> None:
        """Note what is about to be sent for the first time."""
        self._write(f"sent {event_id} {digest}" for event_id, digest in digests.items())

    def promised(self, statuses: Mapping[str, str]) -> None:
        """Note the ids of a 2xx answer, each with its status."""
        self._write(f"kept {event_id} {status}" for event_id, status in statuses.items())
        with self._lock:
            self.promises += len(statuses)

    def refused(self, what: str) -> None:
        """Note an answer that nobody who sends good events should get."""
        self._write([f"said {what.splitlines()[0][:300] if what else what}"])

    def read(self) -> Account:
        """Everything noted so far."""
        account = Account()
        for line in self.path.read_text().splitlines():
            word, rest = line.split(" ", 1)
            if word == "sent":
                event_id, digest = rest.split(" ")
                account.sent[event_id] = digest
            elif word == "kept":
                event_id, status = rest.split(" ")
                account.promised.add(event_id)
                account.created[event_id] += status == "created"
            else:
                account.refused.append(rest)
        return account

    def close(self) -> None:
        """Let the file go."""
        os.close(self._file)

    def _write(self, lines: Iterable[str]) -> None:
        os.write(self._file, "".join(f"{line}\n" for line in lines).encode())
