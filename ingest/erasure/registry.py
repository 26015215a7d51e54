"""What an erasure consists of: each floor registers the steps that clear its own tables.

Lower floors cannot import what lies above them, so an app adds its step in `AppConfig.ready`. A test goes through the
database's catalogue and fails when a column could hold a user's id and no step says that it clears it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Subject:
    """Who is forgotten: a user of the project in scope, with all that happened or came in `before` that instant."""

    project_id: int
    number: int
    user_id: str
    before: datetime
    now: datetime


@dataclass(frozen=True)
class Done:
    """What one unit of a step did.

    `counts` says what was deleted, by the receipt's names. `place` is where the step goes on, None when it is over.
    `waits`: nothing can be done before others have finished.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    place: str | None = None
    waits: bool = False


@dataclass(frozen=True)
class Step:
    """One step: `work` does a bounded unit from a place on (at first the empty one), in the caller's transaction.

    `columns` are the `table.column` that may name a user and do not any more once the step is over.
    """

    name: str
    work: Callable[[Subject, str], Done]
    columns: frozenset[str] = frozenset()


_steps: dict[str, Step] = {}


def register(*steps: Step) -> None:
    """Add steps after those that are there; a name that is known keeps its turn."""
    _steps.update({step.name: step for step in steps})


def steps() -> list[Step]:
    """All steps in their order: the record's, then those of the floors above."""
    return list(_steps.values())
