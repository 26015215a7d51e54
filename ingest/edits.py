"""How much corrections changed: finds the outputs they are about and compares."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from ingest.corrections import edit_ratio
from ingest.dimensions import FeedbackKind, Flag
from ingest.feedback import feedback_columns
from ingest.normalise import Columns, Entry, Numbers, Receipt, Values
from ingest.projects.scope import current_project, project_scope

# What one request reads and compares at once; the roller does the rest, as if the interaction had come later.
MOST_OUTPUT_BYTES = 8 * 1024 * 1024

OUTPUTS = """
    SELECT position, total <= %(most)s, CASE WHEN total <= %(most)s THEN output END, flags
    FROM (
        SELECT s.position, p.output, i.flags, coalesce(sum(octet_length(p.output)) OVER (ORDER BY s.position), 0) AS total
        FROM unnest(%(keys)s::bytea[], %(ids)s::text[], %(positions)s::integer[]) AS s (key, id, position)
        CROSS JOIN LATERAL (
            SELECT occurred_at FROM record_key k WHERE k.project_id = %(project)s AND k.key = s.key LIMIT 1
        ) k
        CROSS JOIN LATERAL (
            SELECT flags FROM interaction
            WHERE project_id = %(project)s AND occurred_at = k.occurred_at AND id = s.id LIMIT 1
        ) i
        CROSS JOIN LATERAL (
            SELECT output FROM payload
            WHERE project_id = %(project)s AND occurred_at = k.occurred_at AND id = s.id LIMIT 1
        ) p
    ) found
"""


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
            edits = compare(
                {position: columns["interaction_key"][position] for position in corrected},
                {position: columns["interaction_id"][position] for position in corrected},
                {position: columns["final_text"][position] for position in corrected},
            )
        columns["edit_ratio"] = [edits.ratios.get(position) for position in range(len(entries))]
        later = edits.left | edits.absent  # the insert must not find what this comparison did not
        columns["lookup_key"] = [
            None if position in later else key for position, key in enumerate(columns["interaction_key"])
        ]
    return columns


@dataclass(frozen=True)
class Edits:
    """The share of each output that was changed, by position; positions left for later; those with nothing to compare.

    A correction whose interaction came without an output has no ratio and is in neither set.
    """

    ratios: Mapping[int, float]
    left: frozenset[int]
    absent: frozenset[int]


def compare(keys: Mapping[int, bytes], ids: Mapping[int, str], finals: Mapping[int, str]) -> Edits:
    """Compare corrections with the outputs of their interactions, in the project in scope."""
    parameters: dict[str, Any] = {
        "project": current_project(),
        "most": MOST_OUTPUT_BYTES,
        "keys": list(keys.values()),
        "ids": list(ids.values()),
        "positions": list(keys),
    }
    with connection.cursor() as cursor:
        cursor.execute(OUTPUTS, parameters)
        found = cursor.fetchall()
    ratios = {
        position: edit_ratio(_plain(output, flags), finals[position])
        for position, _, output, flags in found
        if output is not None
    }
    left = frozenset(position for position, is_read, _, _ in found if not is_read)
    return Edits(ratios, left, frozenset(keys) - {position for position, *_ in found})


def _plain(output: str, flags: int) -> str:
    """The text of an output; of chat messages, what they say."""
    if not flags & Flag.OUTPUT_IS_MESSAGES or flags & Flag.OUTPUT_CUT:
        return output
    contents = [message.get("content") for message in json.loads(output)]
    return "\n".join(content for content in contents if isinstance(content, str))
