"""R1: a 2xx means stored, whatever is killed and when. The long form is `make faults`."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.faults import run as runs
from tests.faults.clients import posting
from tests.faults.ledger import Account, Ledger
from tests.faults.run import Report
from tests.faults.stack import BACKEND, DATABASE, WEB, Stack
from tests.faults.verify import Stored, check, compare

KILLS = (WEB, DATABASE, "measure", BACKEND, WEB)  # the sixth is that of everything
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


@pytest.fixture(scope="module")
def survived(stack: Stack, key: str) -> Report:
    """Kills of one part after another under load. Everything below rests on the same installation, since a start costs seconds."""
    stack.start()
    return runs.run(stack, key, KILLS)


@pytest.mark.fault
def test_nothing_acknowledged_is_lost_doubled_or_altered_when_parts_are_killed(survived):
    assert survived.outcome.is_kept, str(survived)
    assert survived.outcome.promised >= 6 * 150
    assert survived.deaths == (), "a part died of another's death"


@pytest.mark.fault
def test_rows_that_are_missing_doubled_spoilt_or_torn_would_be_noticed(stack, key, survived):
    """The verification itself is tried on rows that somebody tampers with, in a transaction that is undone."""
    project = stack.project_of(key)
    with psycopg.connect(stack.urls.jobs) as connection:
        for order, event_id in zip((LOSE, DOUBLE, ALTER, TEAR), sorted(survived.account.promised), strict=False):
            assert connection.execute(order, {"project": project, "id": event_id}).rowcount == 1
        found = check(survived.account, connection, project)
        connection.rollback()
    assert (found.lost, found.doubled, found.altered, found.strange) == (1, 1, 1, 0)
    assert found.torn >= 3  # texts without numbers, and twice numbers without texts


@pytest.mark.fault
def test_after_a_kill_9_of_everything_the_next_up_has_it_all(stack, key, survived):
    stack.sleep()
    ledger = Ledger(stack.folder / "ledger-up")
    stack.up()
    with posting(stack.port, key, ledger, prefix="up-"):
        runs.wait_for_promises(ledger, 300)
        assert stack.kill_all_supervisor_first() >= 6
        before = ledger.promises
        stack.up()
        runs.wait_for_promises(ledger, before + 100)
    with psycopg.connect(stack.urls.jobs) as connection:
        outcome = check(ledger.read(), connection, stack.project_of(key), prefix="up-")
    assert outcome.is_kept, str(outcome)
    assert outcome.promised >= 300
    stack.sleep()


@pytest.mark.fault
def test_an_answer_before_the_commit_would_be_noticed(stack, survived):
    stack.plant("answer_before_commit")
    stack.start(SERVING)
    report = runs.run(stack, stack.new_key(), [WEB], parts=SERVING, pause_s=0)
    assert report.outcome.lost > 0, str(report)
    assert not report.outcome.is_kept


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
