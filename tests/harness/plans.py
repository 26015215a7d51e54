"""What a query costs by its plan."""

from typing import Any


def pages_read(cursor: Any, query: str) -> int:
    """How many pages of 8 KiB a query looks at when it runs."""
    cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query}")
    plan = cursor.fetchone()[0][0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


def most_pages(cursor: Any, table: str) -> int:
    """How many of them a lookup by an index may take: tests share a database, and each week of a table is looked into."""
    cursor.execute("SELECT count(*) FROM pg_inherits WHERE inhparent = %s::regclass", [table])
    return 60 + 3 * int(cursor.fetchone()[0])
