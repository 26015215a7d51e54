"""However much there is of a user, an erasure does a little at a time, and all of it in the end."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from ingest import records, timeline
from ingest.erasure import receipts, record, run
from observatory.metrics import roller
from tests.ingest.erased import mentions
from tests.ingest.record import rows, take

SESSIONS = 7


@pytest.fixture
def few_at_once(monkeypatch):
    for name in ("ROWS", "SESSIONS_AT_ONCE", "LOOKED_AT"):
        monkeypatch.setattr(record, name, 2, raising=False)


@pytest.fixture
def units(monkeypatch):
    """Step → how many units of it have been done."""
    done: Counter[str] = Counter()
    claim = receipts.claim

    def counted(*of: Any) -> Any:
        found = claim(*of)
        done[found.step if found else "none"] += 1
        return found

    monkeypatch.setattr(receipts, "claim", counted)
    return done


def test_every_step_is_done_in_small_units(project, few_at_once, units):
    now = timeline.now()
    before = now - timedelta(minutes=9)
    calls = [{"feature": "a", "session_id": f"s{n}", "trace_id": f"t{n}"} for n in range(SESSIONS)]
    take(project, records.INTERACTIONS, [{**call, "user_id": "bot"} for call in calls], before)
    take(project, records.INTERACTIONS, [*calls, *calls], before)
    said = [{"kind": "ticket", "category": "bug", "session_id": f"s{n}"} for n in range(SESSIONS)]
    take(project, records.FEEDBACK, said, before)
    take(project, records.FEEDBACK, [{"kind": "nps", "value": 3, "user_id": "bot"} for _ in range(SESSIONS)], before)
    roller.roll(now, only={project.id}, everything=True)
    asked = receipts.request(project.id, "bot", by="test", now=now)
    take(project, records.INTERACTIONS, calls, now + timedelta(seconds=1))
    roller.roll(now, only={project.id}, everything=True)
    assert run.run(asked.due_at, only=[project.id], budget_s=None).finished == 1
    several = {"sessions": 4, "interactions": 14, "loose": 7, "hanging": 10, "user days": 4, "forget": 1}
    assert {step: units[step] >= least for step, least in several.items()} == dict.fromkeys(several, True), units
    found = receipts.receipt(project.id, asked.number).counts
    assert (found["interactions"], found["feedback"]) == (3 * SESSIONS, 2 * SESSIONS)
    assert [row["id"] for row in rows(project, "erasure_trace", "id")] == []
    roller.roll(now, only={project.id}, everything=True)
    came_back = {row["cluster"]: row["calls"] for row in rows(project, "user_day", "cluster, calls")}
    assert came_back == {f"s{n}": 1 for n in range(SESSIONS)}


def test_sessions_that_somebody_else_was_named_in_are_shared_whatever_unit_they_are_met_in(project, few_at_once):
    calls = [{"feature": "a", "user_id": "shared-bot", "session_id": f"s{n % 3}"} for n in range(8)]
    take(project, records.INTERACTIONS, calls, timeline.now() - timedelta(minutes=9))
    others = [{"feature": "a", "session_id": "s1", "user_id": user, "id": str(user)} for user in (None, "neighbour")]
    take(project, records.INTERACTIONS, others, timeline.now() - timedelta(minutes=8))
    asked = receipts.request(project.id, "shared-bot", by="test", now=timeline.now())
    assert run.run(asked.due_at, only=[project.id], budget_s=None).finished == 1
    assert {row["id"] for row in rows(project, "interaction", "id")} == {"None", "neighbour"}
    assert "interaction" not in mentions("shared-bot")


def test_what_is_noted_is_kept_until_nothing_is_left_to_be_done(project, few_at_once):
    take(project, records.INTERACTIONS, {"feature": "a", "user_id": "bot", "session_id": "s"})
    asked = receipts.request(project.id, "bot", by="test", now=timeline.now())
    while receipts.receipt(project.id, asked.number).step != record.LAST.name:
        run.run(asked.due_at, only=[project.id], budget_s=0)
    assert [row["id"] for row in rows(project, "erasure_trace", "id")] == ["s"]
    assert run.run(asked.due_at, only=[project.id], budget_s=None).finished == 1
    assert rows(project, "erasure_trace", "id") == []
