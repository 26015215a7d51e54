"""User rows lie by user: rows that were stored before are the same ones afterwards, and each question has its index."""

import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from django.db import connection

from ingest.projects.models import Project
from ingest.projects.scope import project_scope
from ingest.timeline import DAY, Window, local_day
from observatory.metrics import user_months, user_rows
from tests.harness.installation import ROOT
from tests.observatory.metrics.crowd import NOW, generate, roll

MIGRATION = import_module("observatory.metrics.migrations.0011_user_rows_by_user")
TODAY = local_day(NOW, "UTC")
READ = re.compile(r"(?:FROM|JOIN) user_day\b(.*?)(?=\bFROM\b|\"\"\"|\"\n|\Z)", re.DOTALL)
"""A statement's table of user rows, up to the next FROM or the statement's end."""
LEFT_OUT = ("errors", *user_rows.COLUMNS[user_rows.COLUMNS.index("thumbs") : user_rows.COLUMNS.index("tier_id")])

# As they were: zeros in every row, and one over all features beside each user's single feature.
DAYS_BEFORE = f"""
    CREATE TEMP TABLE user_day ON COMMIT DROP AS
    SELECT d.*, cost_nano AS model_tokens_nano, 7::bigint AS output_tokens FROM public.user_day d WHERE project_id = %(project)s;
    UPDATE pg_temp.user_day SET {", ".join(f"{name} = coalesce({name}, 0)" for name in LEFT_OUT)},
        ln2_input_tokens = coalesce(ln2_input_tokens, 5), ln2_cost = coalesce(ln2_cost, 5),
        ln2_latency = coalesce(ln2_latency, 5);
    ALTER TABLE pg_temp.user_day ADD PRIMARY KEY (project_id, day, feature_id, cluster);
    CREATE INDEX user_day_cluster ON pg_temp.user_day (project_id, cluster, day);
"""
MONTHS_BEFORE = """
    CREATE TEMP TABLE user_month ON COMMIT DROP AS
    SELECT * FROM public.user_month WHERE project_id = %(project)s
    UNION ALL
    SELECT project_id, cost_nano, calls, month, active_days, -1, tier_id, segment_id, is_user, cluster, is_whole
    FROM public.user_month WHERE project_id = %(project)s AND is_whole AND feature_id >= 0;
    ALTER TABLE pg_temp.user_month DROP COLUMN is_whole;
    ALTER TABLE pg_temp.user_month ADD PRIMARY KEY (project_id, cluster, month, feature_id, is_user);
    CREATE INDEX user_month_cost ON pg_temp.user_month (project_id, feature_id, month, cost_nano)
        INCLUDE (active_days, cluster) WHERE is_user;
"""


@pytest.fixture
def counted(project: Project) -> Iterator[Project]:
    """A project with some weeks of users, sessions and anonymous calls, counted."""
    generate(12, Window(NOW - 40 * DAY, NOW), 15, "UTC").send(project)
    roll(project)
    with project_scope(project.pk):
        yield project


def compared(cursor: Any, table: str, columns: tuple[str, ...], project: Project) -> tuple[int, int]:
    """How many of the project's rows of the table now and of its copy have no equal in the other."""
    now, then = (
        f"SELECT {', '.join(columns)} FROM {schema}.{table} WHERE project_id = {project.pk}"
        for schema in ("public", "pg_temp")
    )
    cursor.execute(
        f"SELECT (SELECT count(*) FROM ({now} EXCEPT ALL {then}) a), (SELECT count(*) FROM ({then} EXCEPT ALL {now}) b)"
    )
    missing, more = cursor.fetchone()
    return missing, more


def test_rows_stored_before_become_those_that_are_counted_now(counted: Project) -> None:
    asked = {"project": counted.pk, "today": TODAY}
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE user_day SET thumbs = 2, thumbs_up = 1 WHERE project_id = %(project)s AND day = %(today)s", asked
        )
        cursor.execute(
            "SELECT count(*) FILTER (WHERE is_whole AND feature_id >= 0), count(*) FILTER (WHERE feature_id < 0)"
            " FROM user_month WHERE project_id = %(project)s",
            asked,
        )
        assert min(cursor.fetchone()) > 0
        for before, change, table, columns in (
            (DAYS_BEFORE, MIGRATION.DAYS, "user_day", user_rows.COLUMNS),
            (MONTHS_BEFORE, MIGRATION.MONTHS, "user_month", user_months.COLUMNS),
        ):
            cursor.execute(before, asked)
            cursor.execute(change)
            assert compared(cursor, table, columns, counted) == (0, 0)


def test_every_statement_names_the_user_or_says_days_as_their_index_does() -> None:
    found = [
        (path.name, rest)
        for path in (ROOT / "observatory").rglob("*.py")
        if path.parent.name != "migrations"
        for rest in READ.findall(path.read_text())
    ]
    assert len(found) > 15
    assert [(name, rest) for name, rest in found if not re.search(r"\bday \+ 0\b|\bcluster = |\bctid = ", rest)] == []
