"""How far an import has come: two small files beside the one that is imported.

FILE.progress.json     where to go on; gone when the import is done
FILE.rejected.jsonl    every line that was refused: its number, why, and the line itself
"""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ingest.refusals import Problem

BEGINNING = 4096


@dataclass
class Tally:
    """What became of the lines up to `line`."""

    line: int = 0
    created: int = 0
    duplicates: int = 0
    late: int = 0
    refused: int = 0

    @property
    def total(self) -> int:
        """All lines that held something."""
        return self.created + self.duplicates + self.refused


@dataclass(frozen=True)
class Refused:
    """One line that could not be stored."""

    line: int
    problem: Problem
    content: str


class Progress:
    """The account of one import, opened where an earlier run of the same stopped; `close` it when done or given up.

    Raises OSError where nothing can be written beside the file.
    """

    def __init__(self, path: Path, into: str) -> None:
        self.rejected = path.with_name(f"{path.name}.rejected.jsonl")
        self._state = path.with_name(f"{path.name}.progress.json")
        self._mark = f"{into} {_digest(path)}"
        found = self._found()
        self.goes_on = found is not None
        self.tally = Tally(**found["tally"]) if found else Tally()
        self._out = self.rejected.open("a" if found else "w", encoding="utf-8")
        if found:
            self._out.truncate(found["rejected_bytes"])  # what came after is judged again
            self._out.seek(0, os.SEEK_END)
        else:
            self.save()

    def reject(self, refused: Sequence[Refused]) -> None:
        """Write down lines that could not be stored."""
        for one in refused:
            told = {"line": one.line, "error": asdict(one.problem), "content": one.content}
            self._out.write(json.dumps(told, ensure_ascii=True) + "\n")

    def save(self) -> None:
        """Write down how far it has come; after a crash, what is not written down is done again and found done."""
        self._out.flush()
        os.fsync(self._out.fileno())
        draft = self._state.with_name(f"{self._state.name}.draft")
        state = {"of": self._mark, "tally": asdict(self.tally), "rejected_bytes": self._out.tell()}
        with draft.open("w", encoding="utf-8") as written:
            written.write(json.dumps(state))
            written.flush()
            os.fsync(written.fileno())
        draft.replace(self._state)

    def close(self, *, is_done: bool) -> None:
        """Leave the account for a later run, or, done, nothing but the refused lines."""
        if not is_done:
            self.save()
        self._out.close()
        if is_done:
            self._state.unlink(missing_ok=True)
            if not self.tally.refused:
                self.rejected.unlink(missing_ok=True)

    def refused(self) -> Iterator[Refused]:
        """Every line that was refused, by this run and by those that it goes on from; for when it is closed."""
        with self.rejected.open(encoding="utf-8") as lines:
            for line in lines:
                told = json.loads(line)
                yield Refused(told["line"], Problem(**told["error"]), told["content"])

    def _found(self) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = json.loads(self._state.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        return found if found.get("of") == self._mark and self.rejected.exists() else None


def _digest(path: Path) -> str:
    """What tells a file from another one of its name: its beginning, since it may have grown meanwhile."""
    with path.open("rb") as file:
        return hashlib.blake2b(file.read(BEGINNING), digest_size=16).hexdigest()
