"""Counting what a database holds, table by table, as its owner sees it."""

from typing import Any

import psycopg
from psycopg import sql

# The message queues hold hints that get old within seconds, so they are neither saved nor counted.
SCHEMAS = ["public", "partitions"]
LISTED = """
    SELECT n.nspname::text, c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ANY(%s) AND c.relkind = 'r' ORDER BY 1, 2
"""
APPLIED = "SELECT app || '.' || name FROM django_migrations ORDER BY 1"


def counts(connection: "psycopg.Connection[Any]") -> dict[str, int]:
    """`schema.table` → rows, of every table that holds any itself."""
    found = {}
    for schema, name in connection.execute(LISTED, [SCHEMAS]).fetchall():
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(schema, name))
        row = connection.execute(query).fetchone()
        found[f"{schema}.{name}"] = int(row[0]) if row else 0
    return found


def applied_migrations(connection: "psycopg.Connection[Any]") -> list[str]:
    """`app.name` of every migration."""
    return [name for (name,) in connection.execute(APPLIED).fetchall()]
