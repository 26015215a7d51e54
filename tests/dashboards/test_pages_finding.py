"""One finding: what changed between two windows is told by the same numbers as the charts beside it."""

import re
from typing import Any

import pytest
from django.db import connection

from ingest.projects.scope import project_scope
from tests.dashboards import site as sites
from tests.dashboards.told import plain, rows


@pytest.fixture
def forgotten(web: str) -> sites.Site:
    """A project with a finding whose verdicts are gone, as they are behind the raw horizon."""
    found = sites.build(web)
    with project_scope(found.project.pk), connection.cursor() as cursor:
        cursor.execute("DELETE FROM verdict WHERE project_id = %s", [found.project.pk])
    return found


def test_the_split_of_a_move_by_model_outlives_the_raw_rows(forgotten: sites.Site) -> None:
    with sites.client(forgotten.web, forgotten.owner) as asking:
        page: Any = asking.get(f"{forgotten.url}drift/{forgotten.finding}/").text
    headline = re.search(r"fell from ([\d.]+) % to ([\d.]+) %", plain(page))
    assert headline is not None
    split = {row[0]: row[1:] for row in rows(page, "mix")}
    assert split["gpt-4o"][0].split() == [headline[1], "%"]
    assert split["gpt-3.5-turbo"][1].split() == [headline[2], "%"]
    models = {row[0]: row[1:3] for row in rows(page, "models")}
    assert models == {"gpt-4o": ["100 %", "0 %"], "gpt-3.5-turbo": ["0 %", "100 %"]}
