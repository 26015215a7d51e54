"""What a project's text policy leaves in the database, and that everything counted goes on without the texts."""

import json
from datetime import timedelta

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from ingest import binding, patching, records, redacting, timeline
from ingest.corrections import edit_ratio
from ingest.digest import reader
from ingest.dimensions import Flag
from ingest.normalise import Receipt
from ingest.projects.scope import project_scope
from ingest.redaction.policy import FAILED
from ingest.retention import accounts, sweeps
from tests.ingest.record import one, rows, statuses, take

MAIL = "jane.doe@example.com"
OUTPUT = "Dear Jane, the parcel that you ordered on Monday has left our house and will be with you tomorrow."
FINAL = "Dear Jane, the parcel you ordered on Monday has left our house and will arrive tomorrow. Best, Joe"
ASKED = {
    "id": "i-1", "feature": "chat", "model": "gpt-4o", "prompt": f"Write to {MAIL} about the parcel.", "output": OUTPUT, "segment": "pro",
    "error_message": f"no answer from {MAIL}", "metadata": {"customer": MAIL, "items": 3}, "unknown": f"for {MAIL}",
    "retrieval": {"documents": [{"id": "doc-1", "score": 0.5, "title": f"Parcel of {MAIL}"}]},
}  # fmt: skip
CORRECTED = {"id": "f-1", "interaction_id": "i-1", "kind": "correction", "final_text": FINAL, "comment": f"ask {MAIL}"}


def stored_anywhere(project):
    """Every row of every table of a project, as one text."""
    tables = """
        SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND a.attname = 'project_id'
    """
    found = []
    with connection.cursor() as cursor:
        cursor.execute(tables)
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT to_jsonb(t)::text FROM {table} t WHERE project_id = %s", [project.id])
            found += [row for (row,) in cursor.fetchall()]
    assert len(found) > 3
    return "\n".join(found)


def send(project, items=(ASKED, CORRECTED), at=None):
    ways = {"kind": records.FEEDBACK, "prompt": records.INTERACTIONS, "component": records.COSTS}
    for item in items:
        way = next(way for name, way in ways.items() if name in item)
        assert statuses(take(project, way, item, at)) == ["created"]


def bind(project):
    with project_scope(project.id):
        return binding.bind(timeline.now() + timedelta(minutes=1))


def ratio(project):
    return one(project, "feedback", "edit_ratio")["edit_ratio"]


def test_masked_texts_hold_no_address_anywhere_but_what_else_was_said(make_project):
    project = make_project(text_policy="masked")
    send(project, (ASKED, CORRECTED, {"component": "other", "amount_usd": "1", "description": f"paid by {MAIL}"}))
    assert MAIL not in stored_anywhere(project)
    payload = one(project, "payload")
    assert payload["prompt"] == "Write to [email] about the parcel."
    assert payload["output"] == OUTPUT
    assert json.loads(payload["metadata"]) == {"customer": "[email]", "items": 3, "unknown": "for [email]"}
    assert payload["prompt_hash"] is payload["descriptors"] is payload["word_marks"] is None
    assert one(project, "interaction", "flags")["flags"] == Flag.TEXT_MASKED
    assert one(project, "feedback", "comment")["comment"] == "ask [email]"
    assert one(project, "cost", "description")["description"] == "paid by [email]"


def test_of_hashed_texts_no_word_is_stored_and_every_number_is(make_project):
    hashed, full = make_project(text_policy="hashed"), make_project()
    for project in (hashed, full):
        send(project)
    kept = stored_anywhere(hashed)
    assert not [word for word in ("jane", "parcel", "Parcel", "Monday", "tomorrow") if word in kept]
    counted = "prompt_chars, output_chars, input_tokens, cost_nano, status, retrieval_score, retrieval_documents"
    assert one(hashed, "interaction", counted) == one(full, "interaction", counted)
    payload = one(hashed, "payload")
    assert payload["prompt"] is payload["output"] is payload["error_message"] is payload["cut"] is None
    assert [len(payload[name]) for name in ("prompt_hash", "output_hash", "error_hash")] == [16, 16, 16]
    assert json.loads(payload["descriptors"])["output"]["words"] == len(OUTPUT.split())
    assert json.loads(payload["retrieval"])["documents"][0]["id"] == "doc-1"
    assert one(hashed, "interaction", "flags")["flags"] & Flag.TEXT_HASHED
    assert ratio(hashed) == pytest.approx(ratio(full))


@pytest.mark.parametrize(
    ("asked", "corrected"), [("full", "hashed"), ("hashed", "full"), ("hashed", "hashed"), ("masked", "hashed")]
)
@pytest.mark.parametrize("is_early", [False, True])
def test_the_edit_ratio_is_the_same_whatever_is_kept_and_whichever_comes_first(
    make_project, asked, corrected, is_early
):
    project = make_project()
    for item, policy in sorted(
        ((ASKED, asked), (CORRECTED, corrected)), key=lambda pair: ("kind" in pair[0]) is not is_early
    ):
        project.text_policy = policy
        send(project, [item])
    bind(project)
    assert ratio(project) == pytest.approx(edit_ratio(OUTPUT, FINAL))


def test_the_ratio_of_hashed_chat_messages_is_that_of_what_they_say(make_project):
    project = make_project(text_policy="hashed")
    send(project, [{**ASKED, "output": [{"role": "assistant", "content": OUTPUT}]}, CORRECTED])
    assert ratio(project) == pytest.approx(edit_ratio(OUTPUT, FINAL))


@pytest.mark.parametrize("name", ["trace_id", "span_id", "session_id"])
@pytest.mark.parametrize("is_early", [False, True])
@pytest.mark.parametrize("asked", ["hashed", "full"])
def test_a_hashed_correction_that_names_only_a_trail_is_compared_once_it_is_bound(make_project, name, is_early, asked):
    project = make_project()
    loose = {**CORRECTED, name: "t"}
    del loose["interaction_id"]
    sent = [({**ASKED, name: "t"}, asked), (loose, "hashed")]
    for item, policy in reversed(sent) if is_early else sent:
        project.text_policy = policy
        send(project, [item])
    bind(project)
    assert one(project, "feedback", "interaction_id, final_text") == {"interaction_id": "i-1", "final_text": None}
    assert ratio(project) == pytest.approx(edit_ratio(OUTPUT, FINAL))


def test_a_hashed_correction_that_moves_is_compared_with_the_better_fitting_call(make_project):
    project = make_project(text_policy="hashed")
    loose = {**CORRECTED, "trace_id": "t", "occurred_at": timeline.now().isoformat()}
    del loose["interaction_id"]
    other = {**ASKED, "id": "i-0", "trace_id": "t", "output": "another", "occurred_at": ago(minutes=9)}
    send(project, [other, loose])
    bind(project)
    assert ratio(project) == 1
    send(project, [{**ASKED, "trace_id": "t", "occurred_at": ago(minutes=3)}])
    with project_scope(project.id):
        binding.wake()
    bind(project)
    assert one(project, "feedback", "interaction_id")["interaction_id"] == "i-1"
    assert ratio(project) == pytest.approx(edit_ratio(OUTPUT, FINAL))


def ago(**time):
    return (timeline.now() - timedelta(**time)).isoformat()


def test_what_is_kept_of_hashed_texts_goes_with_the_text_horizon_and_what_was_counted_stays(make_project):
    """As elsewhere the texts: hashes, word marks and descriptors say something about a text, lengths and ratios are numbers."""
    project = make_project(text_policy="hashed", text_horizon=timeline.now())
    at = timeline.now() - timedelta(hours=1)
    send(project, [{**ASKED, "output": "I'm sorry, but I can't help you with that."}, CORRECTED], at)
    reader.read(timeline.now(), only=[project.id], everything=True)
    kept = rows(project, "interaction"), ratio(project)
    assert kept[0][0]["flags"] & Flag.REFUSAL
    assert kept[0][0]["flags"] & Flag.INPUT_TOKENS_ESTIMATED
    (standing,) = accounts.standings([project.id])
    for portion in sweeps.portions(standing, timeline.now()):
        with project_scope(project.id):
            portion()
    assert rows(project, "payload") == rows(project, "search") == []
    assert one(project, "feedback", "word_marks, metadata") == {"word_marks": None, "metadata": None}
    assert (rows(project, "interaction"), ratio(project)) == kept


@pytest.mark.parametrize(("before", "after"), [("full", "masked"), ("masked", "hashed"), ("hashed", "full")])
def test_a_retry_after_a_changed_policy_is_a_duplicate_and_changes_nothing(make_project, before, after):
    project = make_project(text_policy=before)
    send(project)
    kept = rows(project, "payload"), rows(project, "feedback")
    project.text_policy = after
    assert statuses(take(project, records.INTERACTIONS, [ASKED, {**ASKED, "prompt": "x"}])) == ["duplicate", "conflict"]
    assert statuses(take(project, records.FEEDBACK, CORRECTED)) == ["duplicate"]
    assert (rows(project, "payload"), rows(project, "feedback")) == kept


def test_equal_texts_have_equal_hashes_in_a_project_and_others_in_another(make_project):
    one_project, other = make_project(text_policy="hashed"), make_project(text_policy="hashed")
    send(one_project, [ASKED, {**ASKED, "id": "i-2"}, {**ASKED, "id": "i-3", "output": f"{OUTPUT} "}])
    send(other, [ASKED])
    hashes = {row["id"]: row["output_hash"] for row in rows(one_project, "payload", "id, output_hash")}
    assert hashes["i-1"] == hashes["i-2"] != hashes["i-3"]
    assert one(other, "payload", "output_hash")["output_hash"] not in hashes.values()
    marks = {row["word_marks"] for row in rows(one_project, "payload", "id, word_marks", "id <> 'i-3'")}
    assert len(marks) == 2, "the same words of two interactions have nothing in common"


def test_a_long_hashed_text_leaves_no_unkeyed_hash_behind(make_project):
    project = make_project(text_policy="hashed")
    long = "word " * 300_000
    send(project, [{"id": "i-1", "feature": "chat", "prompt": long}])
    assert one(project, "payload", "cut, prompt")["cut"] is None
    row = one(project, "interaction", "prompt_chars, flags")
    assert (row["prompt_chars"], row["flags"] & Flag.PROMPT_CUT) == (len(long), 0)


def fill(project, body):
    receipt = Receipt(project.id, project.time_zone, timeline.now(), text_policy=project.text_policy)
    return {one.field: one.status for one in patching.patch("i-1", json.dumps(body).encode(), receipt).results}


def test_a_patch_is_under_the_policy_too(make_project):
    late = {"output": f"Ask {MAIL}.", "metadata": {"by": MAIL}}
    masked, hashed = make_project(text_policy="masked"), make_project(text_policy="hashed")
    for project in (masked, hashed):
        send(project, [{"id": "i-1", "feature": "chat", "prompt": "Whom?"}])
        assert fill(project, late) == {"output": "filled", "metadata.by": "filled"}
        assert MAIL not in stored_anywhere(project)
        assert fill(project, late) == {"output": "unchanged", "metadata.by": "unchanged"}
        assert fill(project, {"output": "another"}) == {"output": "conflict"}
    assert one(masked, "payload", "output")["output"] == "Ask [email]."
    row = one(hashed, "payload", "output, output_hash, word_marks, descriptors")
    assert (row["output"], len(row["output_hash"]), len(row["word_marks"])) == (None, 16, 5)
    assert set(json.loads(row["descriptors"])) == {"prompt", "output"}
    assert one(hashed, "interaction", "output_chars")["output_chars"] == len(late["output"])


def own_masker(text, kind):
    if "fail" in text:
        raise LookupError(f"no name in {text}")
    return text.replace("Jane", "[name]")


@pytest.fixture
def with_masker(monkeypatch):
    def use(path):
        monkeypatch.setattr(settings, "MASKER", path)
        forget()

    def forget():
        redacting.own_masker.cache_clear()
        redacting.policy_of.cache_clear()

    yield use
    forget()


def test_the_operators_masker_works_on_what_the_built_in_one_left(make_project, with_masker):
    with_masker("tests.ingest.test_redaction_stored:own_masker")
    project = make_project(text_policy="masked")
    send(project)
    assert one(project, "payload", "output")["output"].startswith("Dear [name], the parcel")
    send(make_project(), [ASKED])


def test_a_failing_masker_costs_the_text_not_the_item_and_tells_nothing(make_project, with_masker, caplog):
    with_masker("tests.ingest.test_redaction_stored.own_masker")
    project = make_project(text_policy="masked")
    send(project, [{**ASKED, "prompt": "fail with Jane's secret"}])
    assert one(project, "payload", "prompt")["prompt"] == FAILED
    assert one(project, "payload", "output")["output"].startswith("Dear [name]")
    assert one(project, "interaction", "flags")["flags"] & Flag.TEXT_MASKED
    assert "secret" not in stored_anywhere(project)
    assert "masker_failed" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize("path", ["nowhere.at:all", "json:nothing", "json", "tests.ingest.record:UTC"])
def test_a_masker_that_is_not_there_is_named_and_nothing_is_stored_without_it(make_project, with_masker, path):
    with_masker(path)
    project = make_project(text_policy="masked")
    with pytest.raises(ImproperlyConfigured, match="OBSERVATORY_MASKER"):
        take(project, records.INTERACTIONS, ASKED)
    assert rows(project, "payload") == []
