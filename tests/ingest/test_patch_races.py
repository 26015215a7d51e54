"""What copies an interaction's dimensions, and a PATCH that fills them, at the same time: neither misses the other."""

import threading
from contextlib import contextmanager

import pytest
from django.db import connections

from ingest import binding, patching, records, storage, timeline
from ingest.projects.scope import project_scope
from tests.ingest.filling import CALL, fates, fill
from tests.ingest.record import one, take

WAYS = {
    "verdict": (records.FEEDBACK, {"id": "f", "kind": "thumb", "value": "up", "interaction_id": "call"}),
    "cost": (records.COSTS, {"id": "c", "component": "other", "amount_usd": 1, "interaction_id": "call"}),
}


class Held:
    """A step in a thread of its own, whose transaction stays open at its last instant until it is let go."""

    mine = threading.local()

    def __init__(self, step):
        self.is_done, self.may_commit = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self._run, args=(step,))
        self.thread.start()

    def _run(self, step):
        self.mine.held = self
        try:
            step()
        finally:
            connections.close_all()

    @classmethod
    def pause(cls):
        """Called by a step before it commits; outside of one it does nothing."""
        held = getattr(cls.mine, "held", None)
        if held:
            held.is_done.set()
            assert held.may_commit.wait(10)

    def commit(self):
        self.may_commit.set()
        self.thread.join(10)


@pytest.fixture
def pausing(monkeypatch):
    """Storing and patching pause before they commit."""
    plain_write, plain_scope = patching._write, storage.project_scope

    def write(*asked):
        plain_write(*asked)
        Held.pause()

    @contextmanager
    def scope(project_id):
        with plain_scope(project_id):
            yield
            Held.pause()

    monkeypatch.setattr(patching, "_write", write)
    monkeypatch.setattr(storage, "project_scope", scope)


def bind(project):
    with project_scope(project.id):
        assert binding.bind(timeline.now()).bound == 1
        Held.pause()


@pytest.mark.parametrize("is_patch_first", [False, True])
@pytest.mark.parametrize("is_bound_late", [False, True])
@pytest.mark.parametrize("table", WAYS)
def test_what_was_copied_is_what_stands_in_the_end(project, pausing, table, is_bound_late, is_patch_first):
    way, item = WAYS[table]
    if is_bound_late:
        take(project, way, item)
    take(project, records.INTERACTIONS, CALL)
    answers = []
    steps = [
        lambda: bind(project) if is_bound_late else take(project, way, item),
        lambda: answers.append(fates(fill(project, {"tier": "pro", "user_id": "maya"}))),
    ]
    if is_patch_first:
        steps.reverse()
    first = Held(steps[0])
    assert first.is_done.wait(10)
    second = Held(steps[1])
    has_waited = not second.is_done.wait(0.3)
    first.commit()
    assert second.is_done.wait(10)
    second.commit()
    assert has_waited, "the second waits for the first"
    assert answers == [{"tier": "filled", "user_id": "filled"}]
    there = one(project, "interaction", "tier_id, user_id AS cluster")
    assert one(project, table, "tier_id, cluster") == there
    assert there["tier_id"] > 0
