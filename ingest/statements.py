"""The SQL that stores a request: for each kind one statement, all its tables, all or nothing.

Every statement begins by claiming keys (`fresh`); rows follow only for keys that were not there before, and the dirty
marks with them. Columns come as binary arrays through `unnest`, which row-level security allows where it forbids COPY.
Keys arrive sorted, so that requests that overlap wait for each other in one order and never in a circle.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ingest.dimensions import COLUMNS, Facts, RecordKind
from ingest.feedback import COUNTED
from ingest.projects.scope import setting

NUMBERS = {
    "claimed_at": "times",
    "cost_nano": "bigs",
    "latency_ms": "floats",
    "time_to_first_token_ms": "floats",
    "retrieval_latency_ms": "floats",
    "input_tokens": "integers",
    "output_tokens": "integers",
    "cached_input_tokens": "integers",
    "cache_write_tokens": "integers",
    "reasoning_tokens": "integers",
    "prompt_chars": "integers",
    "output_chars": "integers",
    "retrieval_score": "floats",
    "retrieval_documents": "smalls",
    "user_id": "texts",
    "session_id": "texts",
    "trace_id": "texts",
    "span_id": "texts",
    "parent_id": "texts",
}
# Columns that are never null; a batch in which all are zero sends none of them.
ZEROES = {
    "flags": "integers_or_0",
    **dict.fromkeys(("status", "error_class", "cost_source", "cache"), "smalls_or_0"),
}
DIMENSIONS = dict.fromkeys(COLUMNS, "smalls_or_0")
PAYLOAD = dict.fromkeys(("prompt", "output", "error_message", "retrieval", "metadata", "cut", "descriptors"), "texts")
PAYLOAD |= dict.fromkeys(("prompt_hash", "output_hash", "error_hash", "word_marks"), "blobs")
KEYED = {"key": "blobs", "occurred_at": "times", "id": "texts"}
SAID = {
    "interaction_key": "blobs",
    "lookup_key": "blobs",
    "value": "floats",
    "edit_ratio": "floats",
    "kind": "smalls",
    "feature_id": "smalls",
    **dict.fromkeys(("interaction_id", "trace_id", "span_id", "session_id", "user_id"), "texts"),
    **dict.fromkeys(("name", "label", "comment", "final_text", "metadata"), "texts"),
    "word_marks": "blobs",
    "flags": "integers_or_0",
}
SPENT = {
    "interaction_key": "blobs",
    "amount_nano": "bigs",
    "component": "smalls",
    "interaction_id": "texts",
    "period_from": "times",
    "period_to": "times",
    "description": "texts",
    "metadata": "texts",
    "flags": "integers_or_0",
}
CHANGED = {
    "feature_number": "smalls",
    **dict.fromkeys(("kind", "title", "version", "url", "note", "metadata"), "texts"),
}
MARKS = {"minutes": "times", "quarters": "times", "clusters": "texts"}

CLAIMED = {"keys": "blobs", "times": "times", "contents": "blobs"}
_PLACE = re.compile(r"%\((\w+)\)b")


@dataclass(frozen=True)
class Statement:
    """SQL with numbered places, the parameters that belong there in order, and the kinds of its columns.

    A weekly one writes to big tables, whose weeks may have to be made: those of `table`, or of all. One that opens its
    own scope needs no transaction around it: it is one by itself, in a single round trip.
    """

    sql: str
    order: tuple[str, ...]
    types: Mapping[str, str]
    is_weekly: bool = True
    table: str = ""
    opens_scope: bool = False

    @classmethod
    def of(
        cls,
        sql: str,
        *types: Mapping[str, str],
        is_weekly: bool = True,
        table: str = "",
        opens_scope: bool = False,
    ) -> "Statement":
        """Number the named places of a text."""
        order = tuple(dict.fromkeys(_PLACE.findall(sql)))
        numbered = _PLACE.sub(lambda place: f"${order.index(place[1]) + 1}", sql)
        columns = {name: kind for group in (CLAIMED, *types) for name, kind in group.items()}
        return cls(" ".join(numbered.split()), order, columns, is_weekly, table, opens_scope)


def fresh(*, opens_scope: bool = False) -> str:
    """The keys that were not there before, claimed; with the project's scope opened first, if so asked.

    The second wall asks about each row that `fresh` makes, hence after `scope`; all other parts of such a statement must
    wait for `fresh`. Were it ever otherwise, the wall would refuse.
    """
    scope = f"scope AS MATERIALIZED (SELECT {setting('%(project_id)b::text')}), " if opens_scope else ""
    return f"""
    WITH {scope}fresh AS (
        INSERT INTO record_key (project_id, occurred_at, key, content)
        SELECT %(project_id)b, at, key, content
        FROM {"scope, " if opens_scope else ""}unnest(%(keys)b, %(times)b, %(contents)b) AS t (key, at, content)
        ON CONFLICT DO NOTHING
        RETURNING key
    )"""


FRESH = fresh()
# `IS TRUE` keeps the planner from a join whose kind it would choose by guessing how long the arrays are.
IS_FRESH = "(key IN (SELECT key FROM fresh)) IS TRUE"


def columns(names: Iterable[str], before: str = "") -> str:
    """A list of columns."""
    return ", ".join(before + name for name in names)


def rows(names: Mapping[str, str]) -> str:
    """The arrays of these columns as a table `s`."""
    return f"unnest({', '.join(f'%({name})b' for name in names)}) AS s ({columns(names)})"


def or_zero(names: Iterable[str]) -> str:
    """Columns that are zero where a batch sends none."""
    return ", ".join(f"coalesce({name}, 0)" for name in names)


def target(dimensions: Iterable[str]) -> str:
    """The interaction that each row of `sent` is about, by its key, with the cluster it counts in.

    LATERAL with a limit keeps both look-ups on their primary keys, whatever the planner thinks of empty tables. The lock
    keeps what is copied from the interaction true: whoever changes it waits, or is waited for.
    """
    return f"""
    target AS MATERIALIZED (
        SELECT s.key, s.position, i.*
        FROM sent s
        CROSS JOIN LATERAL (
            SELECT occurred_at FROM record_key k
            WHERE k.project_id = %(project_id)b AND k.key = s.lookup_key LIMIT 1
        ) k
        CROSS JOIN LATERAL (
            SELECT occurred_at AS interaction_at, id AS target_id, coalesce(user_id, session_id, '') AS cluster,
                   {columns(dimensions)}
            FROM interaction
            WHERE project_id = %(project_id)b AND occurred_at = k.occurred_at AND id = s.interaction_id LIMIT 1
            FOR KEY SHARE
        ) i
    )"""


INTERACTIONS = Statement.of(
    f"""{fresh(opens_scope=True)},
    counted AS (
        INSERT INTO interaction (project_id, received_at, occurred_at, id, {columns(NUMBERS)}, {columns(ZEROES)}, {columns(DIMENSIONS)})
        SELECT %(project_id)b, %(received_at)b, occurred_at, id, {columns(NUMBERS)}, {or_zero(ZEROES)}, {or_zero(DIMENSIONS)}
        FROM {rows(KEYED | NUMBERS | ZEROES | DIMENSIONS)} WHERE {IS_FRESH}
    ),
    told AS (
        INSERT INTO payload (project_id, occurred_at, id, {columns(PAYLOAD)})
        SELECT %(project_id)b, occurred_at, id, {columns(PAYLOAD)} FROM {rows(KEYED | PAYLOAD)} WHERE {IS_FRESH}
    ),
    buckets AS (
        INSERT INTO dirty_bucket (project_id, bucket, facts)
        SELECT %(project_id)b, minutes, {Facts.INTERACTIONS:d} FROM unnest(%(minutes)b) AS t (minutes)
        WHERE EXISTS (SELECT FROM fresh)
    ),
    users AS (
        INSERT INTO dirty_user (project_id, quarter, cluster)
        SELECT %(project_id)b, quarter, cluster FROM unnest(%(quarters)b, %(clusters)b) AS t (quarter, cluster)
        WHERE EXISTS (SELECT FROM fresh)
    ),
    to_read AS (
        INSERT INTO unread (project_id, received_at, occurred_at, id)
        SELECT %(project_id)b, %(received_at)b, %(occurred_at)b, %(id)b WHERE EXISTS (SELECT FROM fresh)
    )
    SELECT key FROM fresh
""",
    KEYED,
    NUMBERS,
    ZEROES,
    DIMENSIONS,
    PAYLOAD,
    MARKS,
    opens_scope=True,
)

IS_COUNTED = f"kind IN ({', '.join(str(int(kind)) for kind in sorted(COUNTED))})"
# What names no interaction but a span or a trace is about one of its calls, and so is what cannot stand alone in a session.
IS_LOOSE = f"(span_id IS NOT NULL OR trace_id IS NOT NULL OR session_id IS NOT NULL AND {IS_COUNTED})"
VERDICT_KEY = ("interaction_at", "interaction_id", "kind", "name")
VERDICT_REST = ("said_at", "value", "edit_ratio", "label", "cluster", "feedback_id", *COLUMNS)
# The last word wins; of two at the same instant the greater id, so that the order of arrival plays no part. The same word
# again brings what has changed about its interaction.
LAST_WORD = f"""
        ON CONFLICT (project_id, {columns(VERDICT_KEY)}) DO UPDATE
        SET {", ".join(f"{name} = excluded.{name}" for name in VERDICT_REST)}
        WHERE (excluded.said_at, excluded.feedback_id) >= (verdict.said_at, verdict.feedback_id)"""

FEEDBACK = Statement.of(
    f"""{FRESH},
    sent AS MATERIALIZED (
        SELECT *, row_number() OVER () AS position FROM {rows(KEYED | SAID)} WHERE {IS_FRESH}
    ),
    {target(COLUMNS)},
    history AS (
        INSERT INTO feedback (project_id, received_at, occurred_at, interaction_at, value, edit_ratio, kind, feature_id, id,
                              interaction_id, trace_id, span_id, session_id, user_id, name, label, comment, final_text, metadata,
                              word_marks, flags)
        SELECT %(project_id)b, %(received_at)b, s.occurred_at, t.interaction_at, value, edit_ratio, kind,
               coalesce(t.feature_id, s.feature_id, 0), id, s.interaction_id, trace_id, span_id, session_id, user_id,
               name, label, comment, final_text, metadata, word_marks, coalesce(flags, 0)
        FROM sent s LEFT JOIN target t USING (position)
    ),
    said AS (
        INSERT INTO verdict (project_id, {columns(VERDICT_KEY)}, {columns(VERDICT_REST)})
        SELECT DISTINCT ON (interaction_at, s.interaction_id, kind, name)
               %(project_id)b, interaction_at, s.interaction_id, kind, name,
               s.occurred_at, value, edit_ratio, label, cluster, id, {columns(COLUMNS, "t.")}
        FROM sent s JOIN target t USING (position) WHERE {IS_COUNTED}
        ORDER BY interaction_at, s.interaction_id, kind, name, s.occurred_at DESC, id DESC{LAST_WORD}
    ),
    unbound AS (
        INSERT INTO orphan (project_id, interaction_key, record_kind, occurred_at, id, received_at, is_loose)
        SELECT %(project_id)b, coalesce(interaction_key, s.key), {RecordKind.FEEDBACK:d}, s.occurred_at, id, %(received_at)b,
               interaction_key IS NULL
        FROM sent s LEFT JOIN target t USING (position)
        WHERE t.target_id IS NULL AND (interaction_key IS NOT NULL OR {IS_LOOSE})
    ),
    buckets AS (
        INSERT INTO dirty_bucket (project_id, bucket, facts)
        SELECT DISTINCT %(project_id)b, date_trunc('minute', interaction_at), {Facts.FEEDBACK:d}
        FROM sent s JOIN target t USING (position) WHERE {IS_COUNTED}
    ),
    users AS (
        INSERT INTO dirty_user (project_id, quarter, cluster)
        SELECT DISTINCT %(project_id)b, date_bin('15 minutes', interaction_at, '2000-01-01T00:00:00Z'), cluster
        FROM sent s JOIN target t USING (position) WHERE {IS_COUNTED}
    )
    SELECT key FROM fresh
""",
    KEYED,
    SAID,
    table="feedback",
)

COSTS = Statement.of(
    f"""{FRESH},
    sent AS MATERIALIZED (
        SELECT *, interaction_key AS lookup_key, row_number() OVER () AS position
        FROM {rows(KEYED | SPENT | DIMENSIONS)} WHERE {IS_FRESH}
    ),
    {target(COLUMNS)},
    spent AS (
        INSERT INTO cost (project_id, received_at, occurred_at, amount_nano, component, id, interaction_id, cluster,
                          period_from, period_to, description, metadata, flags, {columns(COLUMNS)})
        SELECT %(project_id)b, %(received_at)b, coalesce(t.interaction_at, s.occurred_at), amount_nano, component, id,
               s.interaction_id, t.cluster, period_from, period_to, description, metadata, coalesce(flags, 0),
               {", ".join(f"coalesce(t.{name}, s.{name}, 0)" for name in COLUMNS)}
        FROM sent s LEFT JOIN target t USING (position)
    ),
    unbound AS (
        INSERT INTO orphan (project_id, interaction_key, record_kind, occurred_at, id, received_at)
        SELECT %(project_id)b, interaction_key, {RecordKind.COST:d}, s.occurred_at, id, %(received_at)b
        FROM sent s LEFT JOIN target t USING (position) WHERE interaction_key IS NOT NULL AND t.target_id IS NULL
    ),
    buckets AS (
        INSERT INTO dirty_bucket (project_id, bucket, facts)
        SELECT DISTINCT %(project_id)b, date_trunc('minute', coalesce(t.interaction_at, s.occurred_at)), {Facts.INTERACTIONS:d}
        FROM sent s LEFT JOIN target t USING (position)
    ),
    users AS (
        INSERT INTO dirty_user (project_id, quarter, cluster)
        SELECT DISTINCT %(project_id)b, date_bin('15 minutes', interaction_at, '2000-01-01T00:00:00Z'), cluster FROM target
    )
    SELECT key FROM fresh
""",
    KEYED,
    SPENT,
    DIMENSIONS,
    table="cost",
)

CHANGES = Statement.of(
    f"""{FRESH},
    noted AS (
        INSERT INTO change_event (project_id, received_at, source, occurred_at, id_sent, {columns(CHANGED)})
        SELECT %(project_id)b, %(received_at)b, 'api', occurred_at, id, coalesce(feature_number, 0), {columns(list(CHANGED)[1:])}
        FROM {rows(KEYED | CHANGED)} WHERE {IS_FRESH}
    )
    SELECT key FROM fresh
""",
    KEYED,
    CHANGED,
    is_weekly=False,
)
