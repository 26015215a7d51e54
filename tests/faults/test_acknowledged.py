"""R1: a 2xx means stored, whatever is killed and when. The long form is `make faults`."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.faults import run as runs
from tests.faults.clients import posting
from tests.faults.ledger import Account, Ledger
from tests.faults.stack import ALL, BACKEND, DATABASE, WEB, Stack
from tests.faults.verify import Stored, check, compare

SIX_KILLS = (WEB, DATABASE, "measure", BACKEND, WEB, ALL)
SERVING = (DATABASE, WEB)
LOSE = "DELETE FROM interaction WHERE project_id = %(project)s AND id = %(id)s"
ALTER = "UPDATE payload SET output = output || ' ' WHERE project_id = %(project)s AND id = %(id)s"
TEAR = "DELETE FROM payload WHERE project_id = %(project)s AND id = %(id)s"
DOUBLE = """
    INSERT INTO interaction
    SELECT (jsonb_populate_record(i, jsonb_build_object('occurred_at', i.occurred_at + interval '1 second'))).*
    FROM interaction i WHERE project_id = %(project)s AND id = %(id)s
"""


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    made = Stack()
    yield made
    made.close()


@pytest.fixture(scope="module")
def key(stack: Stack) -> str:
    return stack.prepare()


def another_key(stack: Stack) -> str:
    """A key of a fresh project on the same installation."""
    slug = stack.command("create_project", "another").stdout.split()[-1]
    return stack.command("create_key", slug).stdout.split()[-1]


@pytest.mark.fault
def test_nothing_acknowledged_is_lost_doubled_or_altered_by_six_kills(stack, key):
    stack.start()
    report = runs.run(stack, key, SIX_KILLS)
    assert report.outcome.is_kept, str(report)
    assert report.outcome.promised >= 7 * 150
    assert report.deaths == (), "a part died of another's death"


@pytest.mark.fault
def test_after_a_kill_9_of_everything_the_next_up_has_it_all(stack, key):
    stack.sleep()
    ledger = Ledger(stack.folder / "ledger-up")
    stack.up()
    with posting(stack.port, key, ledger, prefix="up-"):
        runs.wait_for_promises(ledger, 300)
        assert stack.kill_all_supervisor_first() >= 6
        before = ledger.promises
        stack.up()
        runs.wait_for_promises(ledger, before + 100)
    account = ledger.read()
    outcome = check(account, stack.urls.jobs, stack.project_of(key), prefix="up-")
    assert outcome.is_kept, str(outcome)
    assert outcome.promised >= 400
    stack.sleep()


@pytest.mark.fault
def test_an_answer_before_the_commit_would_be_noticed(stack):
    stack.start([DATABASE])
    fresh = another_key(stack)
    stack.plant("answer_before_commit")
    stack.start(SERVING)
    try:
        report = runs.run(stack, fresh, (WEB, WEB), parts=SERVING)
    finally:
        stack.halt()
        stack.plant()
    assert report.outcome.lost > 0, str(report)
    assert not report.outcome.is_kept


@pytest.mark.fault
def test_a_row_that_is_missing_doubled_or_spoilt_would_be_noticed(stack):
    """The verification itself is tried on rows that somebody has tampered with."""
    stack.start(SERVING)
    fresh = another_key(stack)
    report = runs.run(stack, fresh, (), parts=SERVING)
    assert report.outcome.is_kept, str(report)
    project = stack.project_of(fresh)
    with psycopg.connect(stack.urls.jobs) as connection:
        for order, event_id in zip((LOSE, DOUBLE, ALTER, TEAR), sorted(report.account.promised), strict=False):
            assert connection.execute(order, {"project": project, "id": event_id}).rowcount == 1
    found = check(report.account, stack.urls.jobs, project)
    assert (found.lost, found.doubled, found.altered, found.strange) == (1, 1, 1, 0)
    assert found.torn >= 3  # texts without numbers, twice numbers without texts


def test_what_was_never_acknowledged_may_be_there_or_not_but_once_and_unspoilt():
    account = Account(sent={"a": "1", "b": "2"})
    assert compare(account, []).is_kept
    assert compare(account, [Stored("a", "1")]).is_kept
    assert compare(account, [Stored("a", "1"), Stored("a", "1")]).doubled == 1
    assert compare(account, [Stored("a", "2")]).altered == 1
    assert compare(account, [Stored("c", "1")]).strange == 1


def test_an_id_that_was_created_twice_is_doubled_and_any_other_answer_is_told():
    account = Account(sent={"a": "1"}, promised={"a"}, refused=["500 x"])
    account.created["a"] = 2
    outcome = compare(account, [Stored("a", "1")])
    assert (outcome.doubled, outcome.refused, outcome.is_kept) == (1, ("500 x",), False)
