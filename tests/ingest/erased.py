"""One user through every door of the record, and a search for them in every table of the database."""

from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from ingest import timeline
from ingest.erasure import receipts, run
from ingest.erasure.receipts import KNOWN_EVERYWHERE, Erasure


def erase(project: Any, user_id: str, *, now: datetime | None = None) -> Erasure:
    """Ask for an erasure and work it off, as if every web process had learned of it meanwhile."""
    asked = receipts.request(project.id, user_id, by="test", now=now or timeline.now())
    later = asked.requested_at + KNOWN_EVERYWHERE
    for _ in range(200):
        report = run.run(later, only=[project.id])
        assert not report.failed
        found = receipts.receipt(project.id, asked.number)
        if found.state == "done":
            return found
    raise AssertionError(f"not done: {found}")


def everything_of(user: str, at: datetime) -> dict[str, list[dict[str, Any]]]:
    """Items of every kind that can name a user, by path; `user` stands in every text that is theirs."""
    session, trace, span = f"{user}-session", f"{user}-trace", f"{user}-span"
    call = {
        "feature": "write", "prompt": f"I am {user}", "output": f"Hello {user}", "user_id": user, "session_id": session,
        "trace_id": trace, "span_id": span, "parent_id": f"{user}-parent", "metadata": {user: user}, "unknown": user,
        "error_message": f"of {user}", "retrieval": {"documents": [{"id": user, "score": 0.5}]}, "latency_ms": 100,
        "input_tokens": 10, "output_tokens": 5, "cost_usd": "0.01", "occurred_at": (at - timedelta(minutes=9)).isoformat(),
    }  # fmt: skip
    calls = [{**call, "id": f"{user}-{number}"} for number in range(3)]
    calls += [{**call, "id": f"{user}-anonymous", "user_id": None}, {**call, "id": None}]
    words = {"comment": f"said {user}", "occurred_at": (at - timedelta(minutes=8)).isoformat()}
    said = [
        {"kind": "thumb", "value": "up", "interaction_id": f"{user}-0", "id": f"{user}-thumb", "user_id": user},
        {"kind": "thumb", "value": "down", "interaction_id": f"{user}-0", "id": f"{user}-thumb-2"},
        {"kind": "correction", "final_text": f"{user} wrote", "interaction_id": f"{user}-1", "id": f"{user}-correction"},
        {"kind": "evaluation", "name": "judge", "label": user, "score": 0.5, "interaction_id": f"{user}-2", "evaluator": user},
        {"kind": "flag", "category": user, "interaction_id": f"{user}-never-sent", "user_id": user, "id": f"{user}-orphan"},
        *({"kind": "thumb", "value": "up", name: f"{user}-{name[:-3]}", "id": f"{user}-by-{name}"} for name in ("trace_id", "span_id", "session_id")),
        {"kind": "nps", "value": 9, "user_id": user, "id": f"{user}-nps"},
        {"kind": "survey", "score": 4, "user_id": user, "question": "Well?"},
        {"kind": "ticket", "category": "bug", "user_id": user, "session_id": session, "metadata": {"of": user}},
        {"kind": "escalation", "reason": f"{user} asked", "user_id": user, "feature": "write"},
    ]  # fmt: skip
    costs = [
        {"component": "retrieval", "amount_usd": "0.5", "interaction_id": f"{user}-0", "description": user, "id": f"{user}-cost"},
        {"component": "model_tokens", "amount_usd": "0.7", "interaction_id": f"{user}-1", "metadata": {"for": user}},
    ]  # fmt: skip
    events = [
        {"event": event, "user_id": user, "id": f"{user}-{event}", "metadata": {"of": user}, "occurred_at": words["occurred_at"]}
        for event in ("activated", "seen", "opted_out")
    ]  # fmt: skip
    return {"interactions": calls, "feedback": [{**words, **one} for one in said], "costs": costs, "users": events}


def tables() -> list[str]:
    """Every table that holds rows, but partitions: those are read through their parents."""
    query = """
        SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'partitions')
          AND n.nspname NOT LIKE 'pg\\_%%' AND has_table_privilege(c.oid, 'SELECT') ORDER BY 1
    """
    with connection.cursor() as cursor:
        cursor.execute(query)
        return [name for (name,) in cursor.fetchall()]


def mentions(word: str) -> dict[str, int]:
    """Table → rows that hold a word anywhere, also as bytes."""
    found = {}
    hexed = word.encode().hex()
    with connection.cursor() as cursor:
        for table in tables():
            cursor.execute(
                f"SELECT count(*) FROM {table} t WHERE t::text LIKE %s OR t::text LIKE %s", [f"%{word}%", f"%{hexed}%"]
            )
            (count,) = cursor.fetchone()
            if count:
                found[table.removeprefix("public.")] = count
    return found


def count_all(project: Any) -> dict[str, int]:
    """Table → rows of a project."""
    query = "SELECT table_name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'project_id' ORDER BY 1"
    with connection.cursor() as cursor:
        cursor.execute(query)
        names = [name for (name,) in cursor.fetchall()]
        counts = {}
        for name in names:
            cursor.execute(f"SELECT count(*) FROM {name} WHERE project_id = %s", [project.pk])
            counts[name] = cursor.fetchone()[0]
    return counts
