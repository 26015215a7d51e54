"""Texts that are filled by PATCH are cut, repaired, redacted and compared as those of a POST."""

import json
import threading
from contextlib import suppress
from datetime import timedelta

import psycopg
import pytest

from ingest import binding, patching, records, timeline
from ingest.dimensions import Flag
from ingest.normalise import Receipt
from ingest.projects.models import Project
from ingest.projects.scope import project_scope
from ingest.refusals import Malformed
from tests.ingest import hostile
from tests.ingest.filling import AT, CALL, NOW, fates, fill
from tests.ingest.record import one, rows, take


def test_a_correction_that_came_before_the_output_gets_its_edit_ratio(project):
    take(project, records.INTERACTIONS, CALL)
    take(project, records.FEEDBACK, {"kind": "correction", "final_text": "one two", "interaction_id": "call"})
    assert one(project, "verdict")["edit_ratio"] is None
    fill(project, {"output": "one two three four"})
    with project_scope(project.id):
        assert binding.bind(timeline.now()).bound == 1
    assert one(project, "verdict")["edit_ratio"] == one(project, "feedback")["edit_ratio"] == 0.5
    assert rows(project, "orphan") == []


def test_long_and_unholdable_texts_are_cut_and_repaired_as_in_a_post(project):
    take(project, records.INTERACTIONS, {**CALL, "prompt": "é" * 600_000})
    fill(project, {"output": "a\0b" + "ü" * 600_000, "error_message": "x\0"})
    payload, row = one(project, "payload"), one(project, "interaction")
    assert payload["output"].startswith("a\ufffdb")
    assert payload["error_message"] == "x\ufffd"
    assert set(json.loads(payload["cut"])) == {"prompt", "output"}
    assert row["flags"] == Flag.PROMPT_CUT | Flag.OUTPUT_CUT | Flag.TEXT_REPAIRED
    assert row["output_chars"] == 600_003


def test_chat_messages_are_kept_as_such_and_the_order_of_their_fields_is_no_conflict(project):
    take(project, records.INTERACTIONS, CALL)
    fill(project, {"output": [{"role": "assistant", "content": "hi"}]})
    assert one(project, "interaction")["flags"] == Flag.OUTPUT_IS_MESSAGES
    assert fates(fill(project, {"output": [{"content": "hi", "role": "assistant"}]})) == {"output": "unchanged"}
    assert fates(fill(project, {"output": [{"content": "ho", "role": "assistant"}]})) == {"output": "conflict"}


def test_a_retrieval_brings_its_numbers(project):
    take(project, records.INTERACTIONS, CALL)
    fill(project, {"retrieval": {"documents": [{"id": "a", "score": 0.5}], "latency_ms": 7}})
    row = one(project, "interaction", "retrieval_score, retrieval_documents, retrieval_latency_ms")
    assert row == {"retrieval_score": 0.5, "retrieval_documents": 1, "retrieval_latency_ms": 7}


@pytest.mark.parametrize("policy", ["masked", "hashed"])
def test_the_text_policy_holds_for_what_is_filled(make_project, policy):
    project = make_project(text_policy=policy)
    take(project, records.INTERACTIONS, {**CALL, "prompt": "Write to maya@example.org"})
    sent = {"output": "Sent to maya@example.org today.", "metadata": {"note": "maya@example.org"}}
    fill(project, sent)
    payload, row = one(project, "payload"), one(project, "interaction")
    assert "maya@" not in str(payload)
    assert row["output_chars"] == len(sent["output"])
    assert (payload["output"], bool(payload["output_hash"])) == (
        ("Sent to [email] today.", False) if policy == "masked" else (None, True)
    )
    assert row["flags"] & (Flag.TEXT_MASKED if policy == "masked" else Flag.TEXT_HASHED)
    assert set(fates(fill(project, sent)).values()) == {"unchanged"}
    assert fates(fill(project, {"output": "Another."})) == {"output": "conflict"}


TEXTS = {
    "output": "It is said.",
    "error_message": "late",
    "retrieval": {"documents": [{"id": "a", "score": 0.5}]},
    "metadata": {"note": "a text"},
    "screen": "home",
}
PLACES = ("output", "error_message", "retrieval", "metadata.note", "screen")


@pytest.mark.parametrize("kept", [{"text_days": 2}, {"text_horizon": AT + timedelta(hours=1)}])
@pytest.mark.parametrize("is_swept", [False, True])
def test_after_the_texts_time_no_text_is_filled_whether_or_not_it_is_swept_yet(make_project, kept, is_swept):
    project = make_project(**kept)
    take(project, records.INTERACTIONS, CALL)
    if is_swept:
        with project_scope(project.id):
            from ingest.models import Payload

            Payload.objects.all().delete()
    before = rows(project, "payload")
    answer = fill(project, {**TEXTS, "prompt": CALL["prompt"], "output_tokens": 9, "tier": "pro"})
    assert fates(answer) == {
        **dict.fromkeys(PLACES, "conflict"), "prompt": "unchanged", "output_tokens": "filled", "tier": "filled",
    }  # fmt: skip
    told = {result.field: result.error.expected for result in answer.results if result.error}
    assert told == dict.fromkeys(PLACES, "nothing: the time that the project keeps texts for is over")
    assert rows(project, "payload") == before
    assert one(project, "interaction", "output_chars, output_tokens") == {"output_chars": None, "output_tokens": 9}


def test_a_longer_time_does_not_bring_texts_back_that_a_horizon_has_passed(project):
    take(project, records.INTERACTIONS, CALL)
    Project.objects.filter(pk=project.pk).update(text_days=300, text_horizon=AT + timedelta(seconds=1))
    assert fates(fill(project, {"output": "x"})) == {"output": "conflict"}
    Project.objects.filter(pk=project.pk).update(text_horizon=AT)
    assert fates(fill(project, {"output": "x"})) == {"output": "filled"}


def test_a_value_beyond_the_dictionary_leaves_nothing_in_texts_whose_time_is_over(make_project, monkeypatch):
    from ingest import dictionary
    from ingest.dimensions import OTHER

    project = make_project(text_days=2)
    take(project, records.INTERACTIONS, {**CALL, "metadata": {"a": 1}})
    monkeypatch.setattr(
        dictionary, "numbers", lambda _, wanted, **__: {(d, v): OTHER for d in wanted for v in wanted[d]}
    )
    assert fates(fill(project, {"tier": "five hundred and first"})) == {"tier": "filled"}
    assert json.loads(one(project, "payload")["metadata"]) == {"a": 1}


def test_a_text_that_is_just_being_swept_away_is_not_called_filled(project, installation):
    take(project, records.INTERACTIONS, CALL)
    answers = []
    with psycopg.connect(installation.environment["DATABASE_JOBS_URL"]) as sweep:
        sweep.execute("DELETE FROM payload WHERE project_id = %s", [project.id])
        thread = threading.Thread(target=lambda: answers.append(fates(fill(project, {"output": "x"}))))
        thread.start()
        thread.join(0.5)
        assert not answers, "it waits for the sweep"
        sweep.commit()
        thread.join(10)
    assert answers == [{"output": "conflict"}]


def test_an_erased_user_is_not_put_back(project):
    from ingest.erasure import tombstones

    take(project, records.INTERACTIONS, CALL)
    known = tombstones._Known(until=float("inf"))
    known.erased[tombstones.tombstone(project.id, "maya")] = NOW
    tombstones._known[project.id] = known
    with pytest.raises(patching.Unusable) as refused:
        fill(project, {"user_id": "maya"})
    assert refused.value.problem.path == "$.user_id"


def test_values_beyond_the_dictionary_are_kept_with_the_payload(project, monkeypatch):
    from ingest import dictionary
    from ingest.dimensions import OTHER

    take(project, records.INTERACTIONS, CALL)
    monkeypatch.setattr(
        dictionary, "numbers", lambda _, wanted, **__: {(d, v): OTHER for d in wanted for v in wanted[d]}
    )
    assert fates(fill(project, {"tier": "five hundred and first"})) == {"tier": "filled"}
    assert json.loads(one(project, "payload")["metadata"]) == {"tier": "five hundred and first"}
    assert fates(fill(project, {"tier": "five hundred and first"})) == {"tier": "unchanged"}
    assert fates(fill(project, {"tier": "another"})) == {"tier": "conflict"}


def test_no_hostile_part_breaks_it(project):
    take(project, records.INTERACTIONS, CALL)
    receipt = Receipt(project.id, project.time_zone, timeline.now())
    parts = [item.replace(b'"feature":"good",', b"", 1) for item in hostile.items("interactions")]
    for body in [*parts, *hostile.BODIES]:
        with suppress(Malformed, patching.Unusable):
            assert patching.patch("call", body, receipt).id == "call"
    assert one(project, "interaction")["id"] == "call"
