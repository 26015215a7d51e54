"""A row in every table of a project, whatever tables there are: made of the catalogue, so that no new one is forgotten."""

from typing import Any

from django.db import connection

from ingest import departure

# Where the catalogue does not say what a row needs.
BESIDES = {"delivery": {"recipient_id"}, "erasure": {"user_id"}, "provider_limit": {"requests_per_minute"}}
VALUES = {
    "bigint": "1", "integer": "1", "smallint": "1", "real": "1", "double precision": "1", "numeric": "1", "boolean": "false",
    "text": "'x{0}'", "character varying": "'x{0}'", "bytea": "'x{0}'", "jsonb": "'{{}}'", "tsvector": "'x'", "ARRAY": "'{{}}'",
    "timestamp with time zone": "now()", "date": "date_trunc('month', now())::date",
}  # fmt: skip
COLUMNS = """
    SELECT c.column_name, c.data_type, c.is_nullable = 'NO' AND c.column_default IS NULL AND c.is_identity = 'NO', (
        SELECT confrelid::regclass::text FROM pg_constraint k
        JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
        WHERE k.contype = 'f' AND k.conrelid = to_regclass(c.table_name) AND a.attname = c.column_name LIMIT 1)
    FROM information_schema.columns c WHERE c.table_schema = 'public' AND c.table_name = %s
"""


def fill_every_table(project: Any, user: Any) -> None:
    """Put a row into each table that has none of the project yet; what others refer to comes first."""
    with connection.cursor() as cursor:
        for table in reversed(departure.tables()):
            cursor.execute(f"SELECT EXISTS (SELECT FROM {table.name} WHERE project_id = %s)", [project.pk])
            if not cursor.fetchone()[0]:
                values = _values(cursor, table.name, project, user)
                cursor.execute(f"INSERT INTO {table.name} ({', '.join(values)}) VALUES ({', '.join(values.values())})")


def _values(cursor: Any, table: str, project: Any, user: Any) -> dict[str, str]:
    cursor.execute(COLUMNS, [table])
    found = {}
    for name, kind, is_required, referred in cursor.fetchall():
        if name == "project_id":
            found[name] = str(project.pk)
        elif not is_required and name not in BESIDES.get(table, ()):
            continue
        elif referred == "auth_user":
            found[name] = str(user.pk)
        elif referred:
            found[name] = f"(SELECT id FROM {referred} WHERE project_id = {project.pk} LIMIT 1)"
        else:
            found[name] = VALUES[kind].format(project.pk)
    return found
