"""How far a long command has come through its projects and days, so that the same command goes on after an interruption.

The account is a small file in the data directory, gone when the command has ended. Without a place to write, or while
another process does the very same, a command does all of its work and keeps no account.
"""

import fcntl
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, TextIO

from ingest.projects.models import Project
from ingest.timeline import DAY

FOLDER = "progress"
FORGOTTEN_AFTER = DAY
"""Later, rows and rollups are others than those that the interrupted run has seen."""


@dataclass(frozen=True, order=True)
class Place:
    """One local day of one project; places are gone through in their order."""

    project_id: int
    day: date


@dataclass
class Walk:
    """One command's account: the `last` place that was done with, and what is to be told in the end of all so far.

    `of` says what was asked for: only the very same goes on.
    """

    of: str
    last: Place | None = None
    told: dict[str, Any] = field(default_factory=dict)
    _file: TextIO | None = None

    def rest(self, places: Iterable[tuple[Project, date]]) -> list[tuple[Project, date]]:
        """The places that are left, in order."""
        ordered = sorted(places, key=lambda one: Place(one[0].pk, one[1]))
        return [one for one in ordered if self.last is None or Place(one[0].pk, one[1]) > self.last]

    def reached(self, place: Place, now: datetime, told: dict[str, Any]) -> None:
        """Write down that a place is done with."""
        self.last, self.told = place, told
        if self._file is None:
            return
        state = {"of": self.of, "at": now.isoformat(), "project": place.project_id, "day": place.day.isoformat()}
        self._file.seek(0)
        self._file.truncate()
        self._file.write(json.dumps({**state, "told": told}))
        self._file.flush()

    def end(self) -> None:
        """Forget the account: all is done."""
        if self._file is not None:
            Path(self._file.name).unlink(missing_ok=True)
        self.leave()

    def leave(self) -> None:
        """Leave the account to a later run."""
        if self._file is not None:
            self._file.close()
            self._file = None


def opened(data_dir: Path, command: str, of: str, now: datetime) -> Walk:
    """The account of a command, where an earlier run of the same left it, or a fresh one."""
    file = _claimed(data_dir / FOLDER / f"{command}.json")
    walk = Walk(of, _file=file)
    for state in _read(file):
        if state["of"] == of and now - datetime.fromisoformat(state["at"]) < FORGOTTEN_AFTER:
            walk.last, walk.told = Place(state["project"], date.fromisoformat(state["day"])), state["told"]
    return walk


def _claimed(path: Path) -> TextIO | None:
    try:
        path.parent.mkdir(exist_ok=True)
        file = path.open("a+", encoding="utf-8")
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file


def _read(file: TextIO | None) -> Iterator[dict[str, Any]]:
    """What the file says; nothing when it is empty or was cut off."""
    if file is None:
        return
    file.seek(0)
    try:
        yield json.loads(file.read())
    except ValueError:
        return
