"""Sheets and users have a lock each: apart in a run over everything, and whoever does both waits for both."""

import threading
from collections.abc import Callable
from typing import Any

from django.db import connection

from ingest.projects.models import Project
from ingest.projects.scope import project_scope
from ingest.timeline import DAY, HOUR, MINUTE
from observatory.metrics import recompute, roller, store, user_rows
from observatory.metrics.passing import Pass
from tests.factories import interactions
from tests.observatory.metrics.test_roller import NOW, differences, elsewhere, roll, send


def test_sheets_and_users_are_rolled_apart_and_whoever_does_both_waits_for_both(project: Project) -> None:
    asked: list[bool] = []

    def ask(*shares: store.Share) -> None:
        with project_scope(project.pk):
            asked.append(store.lock(*shares, wait=False))

    for held in store.Share:
        with project_scope(project.pk):
            store.lock(held, wait=True)
            for shares in ((store.Share.SHEETS,), (store.Share.USERS,), ()):
                elsewhere(lambda shares=shares: ask(*shares))
    assert asked == [False, True, False, True, False, False]


def test_many_users_are_counted_while_the_sheets_are(project: Project, monkeypatch: Any) -> None:
    met = threading.Barrier(2, timeout=10)
    monkeypatch.setattr(roller, "MANY_USERS", 2)
    for module, name in ((recompute, "recompute"), (user_rows, "replace")):
        monkeypatch.setattr(module, name, first_with(met.wait, getattr(module, name)))
    interactions(project, [{"at": NOW - n * HOUR, "user_id": f"u{n}"} for n in range(1, 9)])
    assert roll(project, everything=True).users == 8
    assert differences(project) == []


def test_sheets_that_fail_stop_the_users_beside_them(project: Project, monkeypatch: Any) -> None:
    passes: list[Pass] = []
    begin = roller._begin

    def begun(*arguments: Any) -> Pass | None:
        passes.append(work := begin(*arguments))
        return work

    monkeypatch.setattr(roller, "MANY_USERS", 2)
    monkeypatch.setattr(roller, "USERS_AT_LEISURE", 2)
    interactions(project, [{"at": NOW - n * DAY, "user_id": f"u{n}"} for n in range(1, 30)])
    with monkeypatch.context() as broken:
        broken.setattr(roller, "_begin", begun)
        broken.setattr(recompute, "recompute", lambda *_: 1 / 0)
        broken.setattr(user_rows, "replace", first_with(lambda: passes[0].stopped.wait(10), user_rows.replace))
        assert roll(project, everything=True).failed == 1
    assert roll(project, everything=True).users == 29 - 2
    assert differences(project) == []


def test_users_that_fail_beside_the_sheets_are_told_of_and_stay_marked(project: Project, monkeypatch: Any) -> None:
    monkeypatch.setattr(roller, "MANY_USERS", 2)
    interactions(project, [{"at": NOW - n * DAY, "user_id": f"u{n}"} for n in range(1, 9)])
    with monkeypatch.context() as broken:
        broken.setattr(user_rows, "replace", lambda *_: 1 / 0)
        assert roll(project, everything=True).failed == 1
    assert roll(project, everything=True).users == 8
    assert differences(project) == []


def test_a_run_over_everything_waits_for_each_share_as_long_as_it_takes(project: Project, monkeypatch: Any) -> None:
    patience: set[tuple[store.Share, str]] = set()
    lock = store.lock

    def asked(*shares: store.Share, wait: bool) -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SHOW lock_timeout")
            patience.update((share, cursor.fetchone()[0]) for share in shares)
        return lock(*shares, wait=wait)

    monkeypatch.setattr(roller, "MANY_USERS", 0)
    monkeypatch.setattr(store, "lock", asked)
    send(project, NOW - MINUTE)
    roll(project, everything=True)
    assert patience == {(share, "0") for share in store.Share}


def first_with(do: Callable[[], Any], function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, before whose first call something is done."""
    todo = [do]

    def both(*arguments: Any, **named: Any) -> Any:
        if todo:
            todo.pop()()
        return function(*arguments, **named)

    return both
