"""How much corrections changed: finds the outputs they are about and compares."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from ingest.corrections import ratio, said, words
from ingest.dimensions import FeedbackKind, Flag, RecordKind
from ingest.feedback import feedback_columns
from ingest.identity import key_of
from ingest.normalise import Columns, Entry, Numbers, Receipt, Values
from ingest.projects.scope import current_project, project_scope
from ingest.redacting import text_key_of
from ingest.redaction.hashing import as_tokens, unsealed, word_marks, word_tokens

# What one request, and one slice of the roller, reads and compares at once. What a request leaves the roller does, as if
# the interaction had come later; the roller always reads one.
MOST_BYTES = 256 * 1024
MOST_BYTES_LATER = 2 * 1024 * 1024

# The text of a correction is sent by the request, or kept in `feedback`.
SENT = """
    SELECT s.position, k.occurred_at, s.id, NULL AS final_text, NULL::bytea AS final_marks, s.size
    FROM unnest(%(positions)s::integer[], %(keys)s::bytea[], %(ids)s::text[], %(sizes)s::integer[])
        AS s (position, key, id, size)
    CROSS JOIN LATERAL (
        SELECT occurred_at FROM record_key k WHERE k.project_id = %(project)s AND k.key = s.key LIMIT 1
    ) k
"""
KEPT = """
    SELECT s.position, s.target_at AS occurred_at, s.target_id AS id, f.final_text, f.word_marks AS final_marks,
           coalesce(octet_length(f.final_text), octet_length(f.word_marks)) AS size
    FROM unnest(%(positions)s::integer[], %(times)s::timestamptz[], %(ids)s::text[], %(targets)s::timestamptz[],
                %(target_ids)s::text[]) AS s (position, was_at, record_id, target_at, target_id)
    CROSS JOIN LATERAL (
        SELECT final_text, word_marks FROM feedback
        WHERE project_id = %(project)s AND occurred_at = s.was_at AND id = s.record_id LIMIT 1
    ) f
"""
SIDES = ("output", "output_marks", "final_text", "final_marks")
IS_READ = "(total <= %(most)s OR position = first AND %(one_at_least)s)"


def _with_outputs(corrections: str) -> str:
    """SQL that puts the outputs beside corrections, as far as `most` bytes reach."""
    return f"""
    SELECT position, {IS_READ}, {", ".join(f"CASE WHEN {IS_READ} THEN {name} END" for name in SIDES)}, id, flags
    FROM (
        SELECT c.position, c.id, c.final_text, c.final_marks, p.output, p.word_marks AS output_marks, i.flags,
               min(c.position) OVER () AS first,
               sum(coalesce(octet_length(p.output), octet_length(p.word_marks), 0) + coalesce(c.size, 0))
                   OVER (ORDER BY c.position) AS total
        FROM ({corrections}) c
        CROSS JOIN LATERAL (
            SELECT flags FROM interaction
            WHERE project_id = %(project)s AND occurred_at = c.occurred_at AND id = c.id LIMIT 1
        ) i
        CROSS JOIN LATERAL (
            SELECT output, word_marks FROM payload
            WHERE project_id = %(project)s AND occurred_at = c.occurred_at AND id = c.id LIMIT 1
        ) p
    ) found
    """


@dataclass(frozen=True)
class Edits:
    """The share of each output that was changed, by position; positions left for later; those with nothing to compare.

    A correction whose interaction came without an output has no ratio and is in neither set.
    """

    ratios: Mapping[int, float]
    left: frozenset[int]
    absent: frozenset[int]


class Side(NamedTuple):
    """What is known of one text: the text, or where the project's policy keeps none what is kept of its words."""

    text: str | None
    marks: bytes | None


@dataclass(frozen=True)
class Pair:
    """A correction in the record, by its own time and id, and the interaction it is compared with."""

    occurred_at: datetime
    id: str
    target_at: datetime
    target_id: str


def columns_with_edits(entries: Sequence[Entry], receipt: Receipt, values: Values, numbers: Numbers) -> Columns:
    """All columns of `feedback`, corrections compared with the outputs they are about."""
    columns = feedback_columns(entries, receipt, values, numbers)
    columns["lookup_key"] = columns["interaction_key"]
    columns["edit_ratio"] = [None] * len(entries)
    corrected = [
        position
        for position, kind in enumerate(columns["kind"])
        if kind == FeedbackKind.CORRECTION and columns["interaction_id"][position]
    ]
    if corrected:
        with project_scope(receipt.project_id):
            edits = of_sent(columns, corrected)
        columns["edit_ratio"] = [edits.ratios.get(position) for position in range(len(entries))]
        later = edits.left | edits.absent  # the insert must not find what this comparison did not
        columns["lookup_key"] = [
            None if position in later else key for position, key in enumerate(columns["interaction_key"])
        ]
    return columns


def of_sent(columns: Columns, positions: Sequence[int]) -> Edits:
    """Compare corrections on their way into the record, in the project in scope; `positions` are theirs in `columns`."""
    finals = {
        position: Side(columns["final_text"][position], columns["word_marks"][position]) for position in positions
    }
    parameters = {
        "positions": list(positions),
        "keys": [columns["interaction_key"][position] for position in positions],
        "ids": [columns["interaction_id"][position] for position in positions],
        "sizes": [len((final.text or "").encode()) + len(final.marks or b"") for final in finals.values()],
    }
    limits = {"most": MOST_BYTES, "one_at_least": False}
    return _compare(SENT, {**parameters, **limits}, lambda position, _: finals[position])


def of_kept(pairs: Sequence[Pair]) -> Edits:
    """Compare corrections that are in the record, in the project in scope; positions are those in `pairs`."""
    parameters = {
        "positions": list(range(len(pairs))),
        "times": [pair.occurred_at for pair in pairs],
        "ids": [pair.id for pair in pairs],
        "targets": [pair.target_at for pair in pairs],
        "target_ids": [pair.target_id for pair in pairs],
    }
    limits = {"most": MOST_BYTES_LATER, "one_at_least": True}
    return _compare(KEPT, {**parameters, **limits}, lambda _, kept: kept)


def _compare(corrections: str, parameters: Mapping[str, Any], final_of: Callable[[int, "Side"], "Side"]) -> Edits:
    with connection.cursor() as cursor:
        cursor.execute(_with_outputs(corrections), {**parameters, "project": current_project()})
        found = cursor.fetchall()
    ratios = {}
    for position, is_read, output, output_marks, final, final_marks, id, flags in found:
        if is_read:
            text = None if output is None else text_of(output, flags)
            share = _share(Side(text, output_marks), final_of(position, Side(final, final_marks)), id)
            if share is not None:
                ratios[position] = share
    left = frozenset(position for position, is_read, *_ in found if not is_read)
    return Edits(ratios, left, frozenset(parameters["positions"]) - {position for position, *_ in found})


def _share(output: Side, final: Side, interaction_id: str) -> float | None:
    """The share that was changed; by marks where one of both is known by its words alone, None where one is unknown."""
    if output.text is not None and final.text is not None:
        return ratio(words(output.text), words(final.text))
    key, about = text_key_of(current_project()), key_of(RecordKind.INTERACTION, interaction_id)
    before = _numbers(output.marks if output.text is None else word_marks(key, about, _tokens_of(output.text, key)))
    tokens = _unsealed(final, key) if final.text is None else _tokens_of(final.text, key)
    after = _numbers(None if tokens is None else word_marks(key, about, tokens))
    return None if before is None or after is None else ratio(before, after)


def _numbers(marks: bytes | None) -> Sequence[int] | None:
    return None if marks is None else as_tokens(marks)


def _tokens_of(text: str, key: bytes) -> bytes:
    return word_tokens(key, words(text))


def _unsealed(final: Side, key: bytes) -> bytes | None:
    return None if final.marks is None else unsealed(key, final.marks)


def text_of(output: str, flags: int) -> str | None:
    """The text of a stored output; of chat messages what they say, which is unknown when they had to be cut."""
    return said(output) if flags & Flag.OUTPUT_IS_MESSAGES else output
