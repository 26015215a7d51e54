"""The statements of reading: interactions with the beginnings of their texts, and what was found in them.

All in the project in scope and in the reader's transaction. Columns travel as binary arrays.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from django.db import connection
from psycopg.types.numeric import Int8

from ingest import arrays, dictionary
from ingest.digest.findings import Found, Stored
from ingest.digest.marks import REPEATS, SHORTEST_REPEAT
from ingest.digest.texts import LONGEST
from ingest.dimensions import OTHER, Dimension, Facts
from ingest.projects.scope import current_project

# JSON of chat messages has signs and roles between the words.
LOOKED_AT = 2 * LONGEST
# How apps name that a model stopped for want of room.
CUT_OFF = r'"(?:finish|stop)_?reasons?"\s*:\s*\[?"(?:length|max_?tokens|max_output_tokens|model_length|token_limit|model_context_window_exceeded)"'
_NUMBERS = (
    "feature_id", "language_id", "flags", "status", "error_class", "cache", "cost_source", "cost_nano", "latency_ms",
    "input_tokens", "output_tokens", "cached_input_tokens", "cache_write_tokens", "prompt_chars", "output_chars",
)  # fmt: skip
# Of texts that are not kept there are hashes, which serve to find repeats just as well, and descriptors.
FETCH = f"""
    SELECT w.occurred_at, w.id, i.version, {", ".join(f"i.{name}" for name in _NUMBERS)},
        left(p.prompt, {LOOKED_AT}), left(p.output, {LOOKED_AT}), left(p.error_message, {LONGEST}), p.descriptors,
        CASE WHEN i.output_chars >= {SHORTEST_REPEAT}
            THEN hashtextextended(coalesce(p.output, encode(p.output_hash, 'hex')), $1 * 65536 + i.feature_id) END,
        coalesce(p.metadata ~* $4, false), p.id IS NULL,
        i.provider_id, i.model_id, i.requested_model_id,
        CASE WHEN {OTHER:d} IN (i.provider_id, i.model_id, i.requested_model_id) THEN p.metadata END
    FROM unnest($2::timestamptz[], $3::text[]) AS w (occurred_at, id)
    CROSS JOIN LATERAL (
        SELECT *, xmin::text::bigint AS version FROM interaction
        WHERE project_id = $1 AND occurred_at = w.occurred_at AND id = w.id LIMIT 1) i
    LEFT JOIN LATERAL (
        SELECT * FROM payload WHERE project_id = $1 AND occurred_at = w.occurred_at AND id = w.id LIMIT 1) p ON true
"""
SEARCH = """
    INSERT INTO search (project_id, occurred_at, id, output_hash, words)
    SELECT $1, s.occurred_at, s.id, s.output_hash,
           to_tsvector('simple', s.words) || array_to_tsvector(ARRAY['#' || $1, '#' || $1 || '.' || s.feature_id])
    FROM unnest($2::timestamptz[], $3::text[], $4::bigint[], $5::smallint[], $6::text[])
        AS s (occurred_at, id, output_hash, feature_id, words)
    ON CONFLICT (project_id, occurred_at, id) DO UPDATE SET output_hash = excluded.output_hash, words = excluded.words
    WHERE (search.output_hash, search.words) IS DISTINCT FROM (excluded.output_hash, excluded.words)
"""
# By the index on hashes and by nothing else: that is what the fence (OFFSET 0) is for.
REPEATED = f"""
    SELECT w.place FROM unnest($2::timestamptz[], $3::text[], $4::bigint[])
        WITH ORDINALITY AS w (occurred_at, id, output_hash, place)
    WHERE (SELECT count(*) FROM (
        SELECT FROM (
            SELECT project_id, occurred_at, id FROM search
            WHERE output_hash = w.output_hash AND occurred_at >= w.occurred_at - interval '1 day'
              AND occurred_at <= w.occurred_at OFFSET 0) s
        WHERE s.project_id = $1 AND (s.occurred_at, s.id) < (w.occurred_at, w.id)
        LIMIT {REPEATS - 1}) earlier) = {REPEATS - 1}
"""
# A row that somebody has changed meanwhile is left alone, and comes back in `changed` as missing.
FOUND = f"""
    WITH changed AS (
        UPDATE interaction i SET language_id = n.language_id, flags = n.flags, input_tokens = n.input_tokens,
            output_tokens = n.output_tokens, cost_nano = n.cost_nano, cost_source = n.cost_source
        FROM unnest($2::timestamptz[], $3::text[], $4::bigint[], $5::smallint[], $6::integer[], $7::integer[],
                    $8::integer[], $9::bigint[], $10::smallint[])
            AS n (occurred_at, id, version, language_id, flags, input_tokens, output_tokens, cost_nano, cost_source)
        WHERE i.project_id = $1 AND i.occurred_at = n.occurred_at AND i.id = n.id AND i.xmin::text::bigint = n.version
          AND i.occurred_at >= $11 AND i.occurred_at <= $12
        RETURNING i.occurred_at, i.id, coalesce(i.user_id, i.session_id, '') AS cluster
    ),
    buckets AS (
        INSERT INTO dirty_bucket (project_id, bucket, facts)
        SELECT DISTINCT $1, date_trunc('minute', occurred_at), {Facts.INTERACTIONS:d} FROM changed
    ),
    users AS (
        INSERT INTO dirty_user (project_id, quarter, cluster)
        SELECT DISTINCT $1, date_bin('15 minutes', occurred_at, '2000-01-01T00:00:00Z'), cluster FROM changed
    )
    SELECT occurred_at, id FROM changed
"""
# The planner guesses how long the arrays are; every look-up is by primary key.
BY_KEY = "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off"


@dataclass(frozen=True)
class News:
    """An interaction whose row has to change: what was found, and the number of its language."""

    stored: Stored
    found: Found
    language_id: int

    @property
    def has_language(self) -> bool:
        """Whether its language is news."""
        return self.language_id != self.stored.language_id

    @property
    def is_news(self) -> bool:
        """Whether its row has to change at all."""
        return self.has_language or self.found.is_news(self.stored)


def fetch(places: Sequence[tuple[datetime, str]]) -> list[Stored]:
    """The interactions at these places that exist, with the beginnings of their texts."""
    connection.ensure_connection()
    with connection.cursor() as cursor:
        cursor.execute(BY_KEY)
    rows = _execute(FETCH, *_places(places), CUT_OFF)
    if not rows:
        return []
    values = {
        dimension: dictionary.values(dimension)
        for dimension in (Dimension.PROVIDER, Dimension.MODEL, Dimension.REQUESTED_MODEL)
    }
    return [Stored(*[*row[:-4], *_names(values, row[-4:-1], row[-1])]) for row in rows]


def write_search(rows: Sequence[Stored]) -> int:
    """Give interactions that have words, or an output that may be repeated, their search rows."""
    told = [(one, one.words()) for one in rows]
    kept = [(one, words) for one, words in told if words or one.output_hash is not None]
    if kept:
        _execute(
            SEARCH,
            *_places([(one.occurred_at, one.id) for one, _ in kept]),
            arrays.bigs([one.output_hash for one, _ in kept]),
            arrays.smalls([one.feature_id for one, _ in kept]),
            arrays.texts([words for _, words in kept]),
        )
    return len(kept)


def repeats(rows: Sequence[Stored]) -> set[tuple[datetime, str]]:
    """Which of these interactions gave an output that their feature had given several times within a day."""
    asked = [one for one in rows if one.is_repeatable]
    if not asked:
        return set()
    places = [(one.occurred_at, one.id) for one in asked]
    found = _execute(REPEATED, *_places(places), arrays.bigs([one.output_hash for one in asked]))
    return {places[row[0] - 1] for row in found}


def write_found(news: Sequence[News]) -> set[tuple[datetime, str]]:
    """Store what was found; gives the places of the rows that nobody had changed meanwhile."""
    if not news:
        return set()
    founds = [one.found for one in news]
    times = [one.stored.occurred_at for one in news]
    rows = _execute(
        FOUND,
        *_places([(one.stored.occurred_at, one.stored.id) for one in news]),
        arrays.bigs([one.stored.version for one in news]),
        arrays.smalls([one.language_id for one in news]),
        arrays.integers([one.flags for one in founds]),
        arrays.integers([one.input_tokens for one in founds]),
        arrays.integers([one.output_tokens for one in founds]),
        arrays.bigs([one.cost_nano for one in founds]),
        arrays.smalls([one.cost_source for one in founds]),
        min(times),
        max(times),
    )
    return set(rows)


def _execute(sql: str, *parameters: Any) -> list[Any]:
    """One statement with numbered places, of which the first is the project."""
    with psycopg.RawCursor(connection.connection) as cursor:
        cursor.execute(sql, [Int8(current_project()), *parameters], binary=True)
        return cursor.fetchall() if cursor.description else []


def _places(places: Sequence[tuple[datetime, str]]) -> tuple[arrays.Times, arrays.Texts]:
    return arrays.times([arrays.microseconds(at) for at, _ in places]), arrays.texts([id for _, id in places])


def _names(
    values: Mapping[Dimension, Mapping[int, str]], numbers: Sequence[int], metadata: str | None
) -> tuple[str, str, str]:
    """Provider, served and requested model by name; what is beyond the dictionary has its name in the metadata."""
    beyond = json.loads(metadata) if metadata else {}
    fields = ((Dimension.PROVIDER, "provider"), (Dimension.MODEL, "served_model"), (Dimension.REQUESTED_MODEL, "model"))
    named = [
        str(beyond.get(field, "")) if number == OTHER else values[dimension].get(number, "")
        for (dimension, field), number in zip(fields, numbers, strict=True)
    ]
    return named[0], named[1], named[2]
