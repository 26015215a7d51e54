"""Long lists that are sent as one text arrive as they were."""

import pytest
from django.db import connection

from ingest.projects.models import Project
from ingest.projects.scope import project_scope
from observatory.metrics import lists

AWKWARD = [
    "",
    "NULL",
    'a "quoted" one',
    "back\\slash",
    "{brace,comma}",
    "100 %s",
    "two\nlines",
    "é🙂",
    "'",
    "\\u0041",
    "null",
]


@pytest.mark.parametrize("members", [AWKWARD, []])
def test_texts_and_numbers_arrive_in_their_order(project: Project, members: list[str]) -> None:
    query = f"SELECT {lists.texts_in('names')}, {lists.numbers_in('places')}"
    places = [place - 3 for place in range(len(members))]
    with project_scope(project.pk), connection.cursor() as cursor:
        cursor.execute(query, {"names": lists.texts(members), "places": lists.numbers(places)})
        assert cursor.fetchone() == (members, places)
