"""The dictionary: a number for each value, once and for ever, and `other` when a dimension is full."""

import json
import threading

from django.db import connection

from ingest import dictionary, records
from ingest.dimensions import FIRST, OTHER, Dimension
from ingest.projects.scope import project_scope
from tests.ingest.record import one, rows, take


def forget():
    dictionary._known.clear()


def test_values_are_numbered_from_two_on_and_keep_their_numbers(project):
    first = dictionary.numbers(project.id, {Dimension.MODEL: ["b", "a"]})
    assert sorted(first.values()) == [FIRST, FIRST + 1]
    forget()
    again = dictionary.numbers(project.id, {Dimension.MODEL: ["a", "c"], Dimension.REGION: ["a"]})
    assert again[Dimension.MODEL, "a"] == first[Dimension.MODEL, "a"]
    assert again[Dimension.MODEL, "c"] == FIRST + 2
    assert again[Dimension.REGION, "a"] == FIRST
    with project_scope(project.id):
        assert dictionary.values(Dimension.REGION) == {FIRST: "a"}
        assert dictionary.number_of(Dimension.MODEL, "c") == FIRST + 2
        assert dictionary.number_of(Dimension.MODEL, "a\0") is None


def test_a_new_feature_gets_its_row_with_the_same_number(project):
    numbers = dictionary.numbers(project.id, {Dimension.FEATURE: ["write"]})
    assert one(project, "feature", "number, name") == {"number": numbers[Dimension.FEATURE, "write"], "name": "write"}


def test_projects_have_dictionaries_of_their_own(project, make_project):
    other = make_project()
    dictionary.numbers(project.id, {Dimension.TIER: ["x", "y"]})
    assert dictionary.numbers(other.id, {Dimension.TIER: ["y"]}) == {(Dimension.TIER, "y"): FIRST}


def test_beyond_the_limit_a_value_is_other_and_its_text_stays_with_the_payload(project):
    limit = Dimension.FEATURE.limit
    dictionary.numbers(project.id, {Dimension.FEATURE: [f"f{number:03}" for number in range(limit - 1)]})
    take(project, records.INTERACTIONS, [{"id": "fits", "feature": "last"}, {"id": "late", "feature": "zoo"}])
    numbers = {row["id"]: row["feature_id"] for row in rows(project, "interaction")}
    assert numbers == {"fits": limit + FIRST - 1, "late": OTHER}
    assert json.loads(one(project, "payload", "*", "id = 'late'")["metadata"]) == {"feature": "zoo"}
    forget()
    take(project, records.INTERACTIONS, {"id": "later", "feature": "zoo"})
    assert len(rows(project, "feature")) == limit


def test_threads_that_meet_new_values_together_agree_on_their_numbers(project):
    found, start = [], threading.Barrier(6)

    def work(shift: int) -> None:
        start.wait()
        values = [f"v{(number + shift) % 40}" for number in range(40)]
        found.append([sorted(dictionary.numbers(project.id, {Dimension.RELEASE: [value]}).items()) for value in values])
        connection.close()

    threads = [threading.Thread(target=work, args=(shift * 7,)) for shift in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({json.dumps(sorted(answers)) for answers in found}) == 1
    assert len(rows(project, "dimension_value", "DISTINCT number")) == 40


def test_numbers_learned_in_a_transaction_that_is_undone_are_not_remembered(project):
    try:
        with project_scope(project.id):
            dictionary.numbers(project.id, {Dimension.REGION: ["gone"]})
            raise RuntimeError
    except RuntimeError:
        pass
    dictionary.numbers(project.id, {Dimension.REGION: ["kept"]})
    assert [row["value"] for row in rows(project, "dimension_value")] == ["kept"]
    assert (Dimension.REGION, "gone") not in dictionary._known[project.id].numbers
