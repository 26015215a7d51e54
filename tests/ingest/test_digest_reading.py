"""What came in is read once: search rows, languages, estimated tokens and marks, whatever happens in between."""

import json
from datetime import timedelta
from types import SimpleNamespace

import psycopg
import pytest
from django.db import OperationalError

from ingest import dictionary, records, timeline
from ingest.digest import copies, reader, unread, writing
from ingest.digest import language as detection
from ingest.dimensions import EVERY_MARK, CostSource, Dimension, Flag
from ingest.duties import Duty, beat
from ingest.normalise import Receipt
from ingest.projects.scope import project_scope
from tests.ingest.record import one, rows, take

GERMAN = "Wie kann ich mein Passwort zurücksetzen, wenn ich mein Telefon verloren habe und keine E-Mail bekomme?"
ENGLISH = "You can reset your password from the sign-in page; we then send a link to the address that we know of you."


def send(project, *items, at=None):
    answer = take(project, records.INTERACTIONS, [{"feature": "chat", **item} for item in items], at)
    assert answer.invalid == answer.conflicts == 0
    return [result.id for result in answer.results]


def read(project, now=None, **options):
    return reader.read(now or timeline.now(), only=[project.id], **{"everything": True, **options})


def row(project, id):
    return one(project, "interaction", "*", "id = %s", id)


def language(project, id):
    with project_scope(project.id):
        return dictionary.values(Dimension.LANGUAGE).get(row(project, id)["language_id"])


def marks(project, id):
    return row(project, id)["flags"] & EVERY_MARK


def everything(project):
    """All that reading may have changed."""
    tables = {"interaction": "*, xmin::text", "search": "*, xmin::text", "uncopied": "*", "unread": "*"}
    return {table: rows(project, table, columns) for table, columns in tables.items()}


def test_a_request_leaves_one_row_to_be_read_and_reading_takes_it_away(project):
    send(project, {"id": "a", "prompt": "one"}, {"id": "b", "prompt": "two"})
    (mark,) = rows(project, "unread")
    assert set(mark["id"]) == {"a", "b"}
    assert len(mark["occurred_at"]) == 2
    assert read(project).read == 2
    assert rows(project, "unread") == []
    assert {found["id"] for found in rows(project, "search")} == {"a", "b"}


def test_a_request_sent_again_leaves_nothing_to_be_read(project):
    send(project, {"id": "a", "prompt": "one"})
    read(project)
    send(project, {"id": "a", "prompt": "one"})
    assert rows(project, "unread") == []


def test_a_long_request_is_read_in_several_batches(project):
    send(project, *({"id": f"{number:03}", "prompt": "x"} for number in range(10)))
    with project_scope(project.id):
        assert len(unread.claim(timeline.now(), 3)) == 3
        assert len(unread.claim(timeline.now(), 100)) == 7
        assert unread.claim(timeline.now(), 100) == []


def test_reading_again_changes_nothing(project):
    send(project, {"id": "a", "prompt": GERMAN, "output": ENGLISH}, {"id": "b", "output": "I'm sorry, but I can't."})
    read(project)
    before = everything(project)
    with project_scope(project.id):
        places = [(found["occurred_at"], found["id"]) for found in before["interaction"]]
        unread.enqueue(timeline.now(), places)
    assert read(project).read == 2
    assert everything(project) == before


def test_a_reader_that_is_killed_leaves_everything_to_the_next(project, monkeypatch):
    send(project, {"id": "a", "prompt": GERMAN})
    before = everything(project)

    def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(writing, "write_found", die)
        with pytest.raises(KeyboardInterrupt):
            read(project)
    assert everything(project) == before
    read(project)
    assert language(project, "a") == "de"


def test_what_came_after_the_beginning_is_left_to_the_next_slice(project):
    now = timeline.now()
    send(project, {"id": "early"}, at=now - timedelta(minutes=1))
    send(project, {"id": "late"}, at=now + timedelta(minutes=1))
    assert read(project, now).read == 1
    assert [mark["id"] for mark in rows(project, "unread")] == [["late"]]


def test_a_slice_ends_when_its_time_is_spent(project, monkeypatch):
    monkeypatch.setattr(reader, "BATCH", 1)
    send(project, {"id": "a"}, {"id": "b"})
    report = read(project, everything=False, budget_s=-1)
    assert (report.read, report.left) == (1, True)


def test_projects_take_turns(project, make_project, monkeypatch):
    monkeypatch.setattr(reader, "BATCH", 1)
    other, served = make_project(), []
    send(project, {"id": "a"}, {"id": "b"}, {"id": "c"})
    send(other, {"id": "d"})
    usual = reader._read_batch
    monkeypatch.setattr(reader, "_read_batch", lambda id, *rest: served.append(id) or usual(id, *rest))
    reader.read(timeline.now(), only=[project.id, other.id], everything=True)
    assert served[:3] == [project.id, other.id, project.id]


def test_an_interaction_that_cannot_be_read_stops_neither_its_neighbours_nor_others(project, monkeypatch):
    send(project, *({"id": id, "prompt": GERMAN} for id in ("a", "bad", "c")))
    usual = reader.find

    def picky(stored, *rest, **more):
        if stored.id == "bad":
            raise ValueError("no")
        return usual(stored, *rest, **more)

    monkeypatch.setattr(reader, "find", picky)
    report = read(project)
    assert report.failed == 1
    assert (language(project, "a"), language(project, "bad"), language(project, "c")) == ("de", None, "de")
    assert rows(project, "unread") == []


def test_the_language_is_that_of_the_user_or_else_of_the_answer(project):
    talk = [{"role": "system", "content": ENGLISH}, {"role": "user", "content": GERMAN}]
    send(
        project,
        {"id": "asked", "prompt": talk, "output": ENGLISH},
        {"id": "template", "prompt": f"Translate: {GERMAN}", "output": ENGLISH},
        {"id": "prompt", "prompt": GERMAN},
        {"id": "declared", "prompt": GERMAN, "language": "tlh"},
        {"id": "short", "prompt": "ok"},
        {"id": "code", "output": '{"a": [1, 2, 3], "items": [{"id": 1, "n": null}, {"id": 2, "n": 7}]}'},
        {"id": "none"},
    )
    read(project)
    found = {id: language(project, id) for id in ("asked", "template", "prompt", "declared", "short", "code", "none")}
    assert found == {
        "asked": "de", "template": "en", "prompt": "de", "declared": "tlh", "short": None, "code": None, "none": None,
    }  # fmt: skip
    assert row(project, "asked")["flags"] & Flag.LANGUAGE_DETECTED
    assert not row(project, "declared")["flags"] & Flag.LANGUAGE_DETECTED


def test_a_dictionary_without_room_leaves_the_language_absent(project, monkeypatch):
    monkeypatch.setattr(Dimension, "limit", property(lambda _: 0))
    send(project, {"id": "a", "prompt": GERMAN, "feature": "chat"})
    read(project)
    assert row(project, "a")["language_id"] == 0
    assert not row(project, "a")["flags"] & Flag.LANGUAGE_DETECTED


def test_what_reading_changes_is_counted_again(project):
    at = timeline.now() - timedelta(minutes=3)
    send(project, {"id": "a", "prompt": GERMAN, "user_id": "u", "occurred_at": at.isoformat()}, {"id": "b"})
    marked = len(rows(project, "dirty_bucket"))
    read(project)
    assert len(rows(project, "dirty_bucket")) == marked + 1
    assert [mark["cluster"] for mark in rows(project, "dirty_user")].count("u") == 2


def test_verdicts_and_costs_get_the_language_when_no_statement_can_still_have_missed_it(project):
    now = timeline.now()
    send(project, {"id": "a", "prompt": GERMAN})
    take(project, records.FEEDBACK, {"kind": "thumb", "value": "up", "interaction_id": "a"})
    take(project, records.COSTS, {"component": "other", "amount_usd": 1, "interaction_id": "a"})
    read(project, everything=False)
    number = row(project, "a")["language_id"]
    assert number
    assert {found["language_id"] for found in rows(project, "verdict") + rows(project, "cost")} == {0}
    reader.read(now + 2 * copies.WAIT, only=[project.id])
    assert {found["language_id"] for found in rows(project, "verdict") + rows(project, "cost")} == {number}
    assert rows(project, "uncopied") == []


def test_catching_up_copies_at_once_and_leaves_it_to_be_copied_again(project):
    send(project, {"id": "a", "prompt": GERMAN})
    take(project, records.FEEDBACK, {"kind": "thumb", "value": "up", "interaction_id": "a"})
    read(project)
    assert one(project, "verdict")["language_id"] == row(project, "a")["language_id"] != 0
    assert len(rows(project, "uncopied")) == 1
    marked = len(rows(project, "dirty_bucket"))
    read(project)
    assert len(rows(project, "dirty_bucket")) == marked


def test_tokens_that_nobody_counted_are_estimated_and_priced(project):
    sent = {"model": "gpt-4o", "provider": "openai", "prompt": ENGLISH * 3, "output": ENGLISH}
    counted = {"input_tokens": 100, "output_tokens": 50}
    send(
        project,
        {"id": "neither", **sent},
        {"id": "both", **sent, **counted},
        {"id": "input", **sent, "input_tokens": 100},
        {"id": "client", **sent, "cost_usd": "0.5"},
        {"id": "zero", **sent, "cost_usd": 0},
        {"id": "failed", **sent, "status": "error"},
        {"id": "cached", **sent, "cache": "exact"},
        {"id": "no-model", "prompt": ENGLISH, "output": ENGLISH},
        {"id": "no-text", "model": "gpt-4o"},
    )
    read(project)
    estimated = Flag.INPUT_TOKENS_ESTIMATED | Flag.OUTPUT_TOKENS_ESTIMATED
    both, neither, input, client = (row(project, id) for id in ("both", "neither", "input", "client"))
    assert both["flags"] & estimated == 0
    assert neither["flags"] & estimated == estimated
    assert 60 <= neither["input_tokens"] <= 80
    assert 20 <= neither["output_tokens"] <= 27
    assert neither["cost_source"] == CostSource.CATALOGUE
    assert neither["cost_nano"] == neither["input_tokens"] * 2_500 + neither["output_tokens"] * 10_000
    assert (input["flags"] & estimated, input["input_tokens"]) == (Flag.OUTPUT_TOKENS_ESTIMATED, 100)
    assert input["cost_nano"] == 100 * 2_500 + input["output_tokens"] * 10_000
    assert (client["cost_nano"], client["cost_source"]) == (500_000_000, CostSource.CLIENT)
    zero = row(project, "zero")
    assert (zero["cost_nano"], zero["cost_source"]) == (neither["cost_nano"], CostSource.CATALOGUE)
    for id in ("failed", "cached", "no-text"):
        assert (row(project, id)["input_tokens"], row(project, id)["flags"] & estimated) == (None, 0), id
    assert row(project, "no-model")["input_tokens"] > 0
    assert (row(project, "no-model")["cost_nano"], row(project, "no-model")["cost_source"]) == (None, CostSource.NONE)


def test_a_model_beyond_the_dictionary_is_priced_by_its_name_all_the_same(project, monkeypatch):
    monkeypatch.setattr(Dimension, "limit", property(lambda _: 0))
    send(project, {"id": "a", "model": "gpt-4o", "prompt": ENGLISH})
    read(project)
    assert row(project, "a")["model_id"] == 1
    assert row(project, "a")["cost_source"] == CostSource.CATALOGUE


def test_a_row_that_somebody_changes_meanwhile_is_read_again(project, monkeypatch, installation):
    send(project, {"id": "earlier", "output": ENGLISH})
    read(project)  # or else the batch would be read again for its language, after the change
    send(project, {"id": "a", "prompt": GERMAN, "output": ENGLISH})
    usual = writing.repeats

    def with_company(found):
        with psycopg.connect(installation.server.urls.jobs) as other:
            other.execute("UPDATE interaction SET input_tokens = 5 WHERE project_id = %s AND id = 'a'", [project.id])
        monkeypatch.setattr(writing, "repeats", usual)
        return usual(found)

    monkeypatch.setattr(writing, "repeats", with_company)
    read(project)
    after = row(project, "a")
    assert after["input_tokens"] == 5
    assert not after["flags"] & Flag.INPUT_TOKENS_ESTIMATED
    assert after["flags"] & Flag.OUTPUT_TOKENS_ESTIMATED
    assert language(project, "a") == "en"


def test_texts_that_are_kept_as_hashes_have_no_language_and_no_words_but_marks_and_tokens(make_project):
    project = make_project(text_policy="hashed")
    refusal = "I'm sorry, but I can't help with that, whatever you may say to me."
    hashed = [{"id": f"{number}", "model": "gpt-4o", "prompt": GERMAN, "output": refusal} for number in range(6)]
    body = json.dumps([{"feature": "chat", **item} for item in hashed]).encode()
    receipt = Receipt(project.id, project.time_zone, timeline.now(), text_policy="hashed")
    records.take(records.INTERACTIONS, body, receipt)
    read(project)
    assert {found["language_id"] for found in rows(project, "interaction")} == {0}
    assert all(found["flags"] & Flag.REFUSAL for found in rows(project, "interaction"))
    assert sum(bool(found["flags"] & Flag.REPEAT) for found in rows(project, "interaction")) == 2
    assert all(10 <= found["input_tokens"] <= 40 for found in rows(project, "interaction"))
    words = " ".join(found["words"] for found in rows(project, "search"))
    assert "passwort" not in words


def test_the_search_reaches_to_the_oldest_request_that_was_not_read(project):
    now = timeline.now()
    with project_scope(project.id):
        assert unread.complete_to(now) == now
    send(project, {"id": "a"}, {"id": "b"}, at=now - timedelta(minutes=2))
    with project_scope(project.id):
        assert unread.complete_to(now) == now - timedelta(minutes=2)
        assert unread.debt().interactions == 2
    read(project)
    with project_scope(project.id):
        assert unread.complete_to(now) == now
        assert unread.debt() == unread.Debt(0, None)


SMALL, REST = reader.SMALL_BUDGET_S, reader.USUAL_BUDGET_S - reader.SMALL_BUDGET_S


def test_beside_a_roller_that_is_behind_a_slice_is_short(monkeypatch):
    budgets = []
    monkeypatch.setattr(reader, "read", lambda now, budget_s: budgets.append(budget_s) or reader.ReadReport(left=True))
    monkeypatch.setattr(reader._watch, "is_crowded", lambda: False)
    for left in (False, True):
        beat(Duty.ROLL, timeline.now(), {"left": left})
        reader.read_beside_rolls(timeline.now())
    assert budgets == [SMALL, REST, SMALL]


def test_a_slice_ends_soon_when_a_flood_begins_with_it_and_when_nothing_is_left(monkeypatch):
    budgets, looks, left = [], iter([False, True, False, False]), iter([True, False])
    monkeypatch.setattr(
        reader, "read", lambda now, budget_s: budgets.append(budget_s) or reader.ReadReport(read=1, left=next(left))
    )
    monkeypatch.setattr(reader._watch, "is_crowded", lambda: next(looks))
    beat(Duty.ROLL, timeline.now(), {"left": False})
    assert reader.read_beside_rolls(timeline.now()) == reader.ReadReport(read=1, left=True)
    assert reader.read_beside_rolls(timeline.now()) == reader.ReadReport(read=1)
    assert budgets == [SMALL, SMALL]


def test_while_others_want_the_processors_slices_are_short_and_few(monkeypatch):
    budgets, clock = [], SimpleNamespace(seconds=0.0)
    monkeypatch.setattr(
        reader, "read", lambda now, budget_s: budgets.append((clock.seconds, budget_s)) or reader.ReadReport(left=True)
    )
    monkeypatch.setattr(reader, "time", SimpleNamespace(monotonic=lambda: clock.seconds))
    monkeypatch.setattr(reader, "_began_at", 0.0)
    beat(Duty.ROLL, timeline.now(), {"left": False})
    left = []
    for clock.seconds, is_crowded in ((1_000, False), (1_003, True), (1_009, True), (1_012, True), (1_013, False)):
        monkeypatch.setattr(reader._watch, "is_crowded", lambda told=is_crowded: told)
        left.append(reader.read_beside_rolls(timeline.now()).left)
    assert budgets == [(1_000, SMALL), (1_000, REST), (1_009, SMALL), (1_013, SMALL), (1_013, REST)]
    assert left == [True] * 5


def test_the_language_model_goes_when_nothing_has_come_for_a_while_and_comes_back(monkeypatch):
    monkeypatch.setattr(reader._watch, "is_crowded", lambda: False)
    report = reader.ReadReport(read=1)
    monkeypatch.setattr(reader, "read", lambda now, budget_s: report)
    french = "Le conseil a décidé hier soir que les travaux de la place commenceront au printemps."
    assert detection.language_of(french) == "fr"
    reader.read_beside_rolls(timeline.now())
    report = reader.ReadReport()
    reader.read_beside_rolls(timeline.now())
    assert detection._model.cache_info().currsize == 1
    monkeypatch.setattr(reader, "MODEL_KEPT_S", 0.0)
    reader.read_beside_rolls(timeline.now())
    assert detection._model.cache_info().currsize == 0
    assert detection.language_of(french) == "fr"


def test_a_project_that_cannot_be_read_now_goes_last_in_the_next_slice(make_project, monkeypatch):
    stuck, other = make_project(), make_project()
    for project in (stuck, other):
        send(project, {"id": "a"})
    honest, tried = reader._batch, []

    def batch(project_id, now, most):
        tried.append(project_id)
        if project_id == stuck.id:
            raise OperationalError("canceling statement due to statement timeout")
        return honest(project_id, now, most)

    monkeypatch.setattr(reader, "_batch", batch)
    now, only = timeline.now(), [stuck.id, other.id]
    first = reader.read(now, only=only, budget_s=0)
    assert (tried, first.failed, first.left) == ([stuck.id], 1, True)
    assert reader.read(now, only=only, budget_s=0).read == 1
    monkeypatch.setattr(reader, "_batch", honest)
    assert reader.read(now, only=only).read == 1
