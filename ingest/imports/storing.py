"""Storing a portion of lines, in a process of its own: judged, normalised and committed exactly like a post."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ingest import records, timeline
from ingest.contract import Interaction
from ingest.database import Unavailable
from ingest.imports import marks
from ingest.imports.items import Line, looked_into
from ingest.imports.lines import Numbered
from ingest.imports.progress import Refused, Tally
from ingest.kinds import EXPECTED
from ingest.late import NOTE
from ingest.normalise import Receipt
from ingest.projects.models import Project
from ingest.records import Way
from ingest.refusals import Malformed, Problem

PATIENCE_S = 120.0


@dataclass(frozen=True)
class Job:
    """What is imported, and where to. `is_told`: rules may judge windows that hold these events.

    `time_format` is how a table's times are written; empty where they are as in the contract.
    """

    name: str
    project_id: int
    kinds: tuple[str, ...]
    is_told: bool = False
    time_format: str = ""

    @property
    def only(self) -> str:
        """The only kind, or nothing."""
        return self.kinds[0] if len(self.kinds) == 1 else ""

    @property
    def way(self) -> Way | tuple[Way, ...]:
        """The way of the only kind, or those of all."""
        known = {way.kind.word: way for way in records.BATCH}
        return known[self.only] if self.only else tuple(known[word] for word in self.kinds)


@dataclass
class Outcome:
    """What became of a portion."""

    tally: Tally = field(default_factory=Tally)
    refused: list[Refused] = field(default_factory=list)


def store(job: Job, portion: Sequence[Numbered]) -> Outcome:
    """Store what can be stored of a portion; when this returns, it is committed. Raises Unavailable after two minutes."""
    outcome = Outcome(Tally(line=portion[-1][0]))
    whole: list[Line] = []
    odd: list[Line] = []
    for number, content in portion:
        found = looked_into(number, content, job.name, job.only) if isinstance(content, bytes) else content
        if isinstance(found, Problem):
            _refuse(outcome, Line(number, content if isinstance(content, bytes) else b""), found)
        else:
            (whole if found.is_whole else odd).append(found)
    if not job.is_told:
        marks.leave(job.project_id, [*whole, *odd])
    if whole:
        _take(job, whole, b"[%b]" % b",".join(line.content for line in whole), outcome)
    for line in odd:  # alone: what is no JSON could take its neighbours with it
        _take(job, [line], line.content, outcome)
    outcome.refused.sort(key=lambda one: one.line)
    return outcome


def _take(job: Job, lines: Sequence[Line], body: bytes, outcome: Outcome) -> None:
    try:
        answer = _patiently(job, body)
    except Malformed as error:
        if len(lines) == 1:
            _refuse(outcome, lines[0], Problem("$", "an item that can be taken", str(error)))
            return
        for half in (lines[: len(lines) // 2], lines[len(lines) // 2 :]):
            _take(job, half, b"[%b]" % b",".join(line.content for line in half), outcome)
        return
    for result in answer.results:
        line = lines[result.index]
        if result.error:
            _refuse(outcome, line, _as_asked(result.error, job.time_format))
        elif result.status == "duplicate":
            outcome.tally.duplicates += 1
        else:
            outcome.tally.created += 1
        outcome.tally.late += result.note == NOTE


def _patiently(job: Job, body: bytes) -> records.Answer:
    """Take a body; while the database is away, again and again: ids make that safe."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return records.take(job.way, body, _receipt(job.project_id))
        except Unavailable as away:
            if time.monotonic() > deadline:
                raise
            time.sleep(away.retry_after)


def _receipt(project_id: int) -> Receipt:
    """Take the portion now, by what the project decides now: an import may last."""
    project = Project.objects.get(pk=project_id)
    return Receipt(
        project.pk, project.time_zone, timeline.now(), project.text_policy, project.raw_horizon, project.raw_days
    )


def _as_asked(problem: Problem, time_format: str) -> Problem:
    """What is no time is told in the words of the command that said how times are written."""
    is_time = problem.expected == EXPECTED[Interaction]["occurred_at"]
    return replace(problem, expected=f"a time written as {time_format}") if time_format and is_time else problem


def _refuse(outcome: Outcome, line: Line, problem: Problem) -> None:
    outcome.tally.refused += 1
    outcome.refused.append(Refused(line.number, problem, line.content.decode("utf-8", "backslashreplace")))
