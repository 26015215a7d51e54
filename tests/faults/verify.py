"""Compare the promises of a ledger with the rows of the database: 0 lost, 0 doubled, 0 altered."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import psycopg

from tests.faults.events import digest
from tests.faults.ledger import Account

ROWS = """
    SELECT i.id, p.id IS NOT NULL, p.prompt, p.output, i.input_tokens, i.output_tokens
    FROM interaction i LEFT JOIN payload p USING (project_id, occurred_at, id)
    WHERE i.project_id = %s AND starts_with(i.id, %s)
"""
WIDOWED = """
    SELECT (SELECT count(*) FROM payload p WHERE p.project_id = %(project)s AND NOT EXISTS (
               SELECT FROM interaction i WHERE (i.project_id, i.occurred_at, i.id) = (p.project_id, p.occurred_at, p.id)))
         + abs((SELECT count(*) FROM record_key WHERE project_id = %(project)s)
             - (SELECT count(*) FROM interaction WHERE project_id = %(project)s))
"""


@dataclass(frozen=True)
class Stored:
    """One interaction as the database has it; the digest is of its texts and tokens."""

    event_id: str
    digest: str
    has_texts: bool = True


@dataclass(frozen=True)
class Outcome:
    """What a comparison found. All but the first two counts must be zero."""

    promised: int
    stored: int
    lost: int
    doubled: int
    altered: int
    strange: int
    torn: int
    refused: tuple[str, ...] = ()

    @property
    def is_kept(self) -> bool:
        """Whether every promise was kept."""
        return not (self.lost or self.doubled or self.altered or self.strange or self.torn or self.refused)

    def __str__(self) -> str:
        said = f", answers like {self.refused[0]!r}" if self.refused else ""
        return (
            f"{self.promised:,} acknowledged, {self.stored:,} stored: {self.lost} lost, {self.doubled} doubled, "
            f"{self.altered} altered, {self.strange} never sent, {self.torn} torn{said}"
        )


def compare(account: Account, rows: Iterable[Stored], *, widowed: int = 0) -> Outcome:
    """Judge rows by the ledger.

    An event that was sent but never acknowledged may be there or not, but only once and as it was sent.
    An id that was called `created` twice counts as doubled, wherever the second row may be.
    """
    found, altered, strange, torn = Counter[str](), 0, 0, widowed
    for row in rows:
        found[row.event_id] += 1
        known = account.sent.get(row.event_id)
        strange += known is None
        altered += known is not None and row.has_texts and known != row.digest
        torn += not row.has_texts
    twice = {event_id for counter in (found, account.created) for event_id, times in counter.items() if times > 1}
    return Outcome(
        promised=len(account.promised),
        stored=found.total(),
        lost=sum(event_id not in found for event_id in account.promised),
        doubled=len(twice),
        altered=altered,
        strange=strange,
        torn=torn,
        refused=tuple(account.refused),
    )


def check(account: Account, connection: psycopg.Connection, project_id: int, prefix: str = "") -> Outcome:
    """Read a project's rows with the jobs role, those whose ids begin with the prefix, and compare."""
    with connection.cursor("rows") as cursor:
        widowed = connection.execute(WIDOWED, {"project": project_id}).fetchone()
        assert widowed is not None
        cursor.itersize = 5_000
        cursor.execute(ROWS, [project_id, prefix])
        rows = (Stored(row[0], digest(*row[2:]), has_texts=row[1]) for row in cursor)
        return compare(account, rows, widowed=widowed[0])
