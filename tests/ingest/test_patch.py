"""PATCH fills what is absent, keeps what is set, and has everything counted again that depends on it."""

import json
import threading
from datetime import timedelta
from decimal import Decimal

import httpx2
import pytest

from ingest import patching, records
from ingest.dimensions import CostSource, Facts, Flag, RecordKind
from ingest.identity import key_of
from ingest.models import PriceOverride
from ingest.projects.scope import project_scope
from ingest.timeline import MINUTE, QUARTER, floor
from tests.ingest.filling import AT, CALL, fates, fill
from tests.ingest.record import one, rows, statuses, take


@pytest.fixture
def patch(web, key):
    with httpx2.Client(base_url=web, timeout=20, headers={"Authorization": f"Bearer {key}"}) as client:
        yield lambda body, id="call", **options: client.patch(f"/api/v1/interactions/{id}", json=body, **options)


def marks(project, facts):
    return {row["bucket"] for row in rows(project, "dirty_bucket", "bucket", "facts = %s", int(facts))}


def test_a_streamed_output_its_tokens_and_what_else_comes_late_are_filled_and_priced(post, patch, project):
    post("interactions", {**CALL, "model": "gpt-4o"})
    late = {
        "output": "It is said.\n",
        "input_tokens": 1000,
        "output_tokens": 500,
        "latency_ms": 812.5,
        "user_id": "maya",
        "tier": "pro",
    }
    answer = patch(late)
    assert answer.status_code == 200
    assert answer.json() == {
        "id": "call",
        "filled": 6,
        "unchanged": 0,
        "conflicts": 0,
        "results": [{"field": name, "status": "filled"} for name in fates(answer)],
    }
    row, payload = one(project, "interaction"), one(project, "payload")
    assert {name: row[name] for name in ("input_tokens", "output_tokens", "latency_ms", "user_id")} == {
        name: late[name] for name in ("input_tokens", "output_tokens", "latency_ms", "user_id")
    }
    assert (payload["prompt"], payload["output"], row["output_chars"]) == ("Say it.", "It is said.\n", 12)
    assert (row["cost_nano"], row["cost_source"]) == (7_500_000, CostSource.CATALOGUE)
    assert row["tier_id"] == one(project, "dimension_value", "number", "value = 'pro'")["number"]
    assert {(row["quarter"], row["cluster"]) for row in rows(project, "dirty_user")} == {
        (floor(AT, QUARTER), ""),
        (floor(AT, QUARTER), "maya"),
    }
    assert [row["id"] for row in rows(project, "unread", "id")] == [["call"], ["call"]]


def test_of_a_field_that_is_set_the_first_value_stays_and_the_same_value_is_no_conflict(post, patch, project):
    post("interactions", {**CALL, "model": "m", "input_tokens": 5, "metadata": {"a": 1}, "user_id": "maya"})
    sent = {
        "input_tokens": 6,
        "prompt": "Say it.",
        "user_id": "maya",
        "output": "new",
        "metadata": {"a": 2, "b": 3},
        "screen": "home",
    }
    answer = patch(sent)
    assert answer.status_code == 207
    body = answer.json()
    assert (body["filled"], body["unchanged"], body["conflicts"]) == (3, 2, 2)
    assert fates(answer) == {
        "input_tokens": "conflict", "prompt": "unchanged", "user_id": "unchanged", "output": "filled",
        "metadata.a": "conflict", "metadata.b": "filled", "screen": "filled",
    }  # fmt: skip
    (conflict,) = (result["error"] for result in body["results"] if result["field"] == "input_tokens")
    assert (conflict["path"], conflict["got"]) == ("$.input_tokens", "another integer")
    assert "5" not in json.dumps(body), "an ingest key reads nothing"
    assert one(project, "interaction")["input_tokens"] == 5
    assert json.loads(one(project, "payload")["metadata"]) == {"a": 1, "b": 3, "screen": "home"}
    again = patch({**sent, "input_tokens": 5, "metadata": {"a": 1, "b": 3}})
    assert (again.status_code, again.json()["unchanged"], again.json()["filled"]) == (200, 7, 0)


def test_the_item_as_it_was_first_sent_stays_a_duplicate_and_with_what_was_filled_it_is_a_conflict(post, patch):
    post("interactions", CALL)
    patch({"output": "late"})
    assert statuses(post("interactions", CALL)) == ["duplicate"]
    assert statuses(post("interactions", {**CALL, "output": "late"})) == ["conflict"]


def test_an_id_that_nobody_has_is_not_found_also_when_another_project_has_it(patch, make_project):
    take(make_project(), records.INTERACTIONS, CALL)
    assert patch({"output": "x"}).status_code == 404
    assert patch({"output": "x"}, id="a%00b").status_code == 404


def test_what_lies_before_the_raw_horizon_is_frozen(make_project):
    project = make_project()
    take(project, records.INTERACTIONS, CALL)
    project.raw_horizon = AT + timedelta(hours=1)
    with pytest.raises(patching.Frozen) as refused:
        fill(project, {"output": "x"})
    assert refused.value.status == 410
    assert one(project, "payload")["output"] is None


@pytest.mark.parametrize(
    ("sent", "path"),
    [
        ({"input_tokens": "many"}, "$.input_tokens"),
        ({"cached_input_tokens": 7}, "$.input_tokens"),
        ({"output_tokens": 2, "cache_write_tokens": 1}, "$.input_tokens"),
        ({"cost_usd": "-1"}, "$.cost_usd"),
        ({"status": "ok", "error_class": "timeout"}, "$.error_class"),
        ({"id": "another"}, "$.id"),
        ({"retrieval": {"documents": [{"score": "high"}]}}, "$.retrieval.documents[0].score"),
        ({"metadata": {"long": "x" * 66_000}}, "$.metadata"),
    ],
)
def test_what_cannot_be_is_refused_with_its_path_and_nothing_is_filled(post, patch, project, sent, path):
    post("interactions", CALL)
    answer = patch({"latency_ms": 3, **sent})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["path"] == path
    assert one(project, "interaction")["latency_ms"] is None


@pytest.mark.parametrize("body", [{}, {"output": None}, {"id": "call"}, [], [{"output": "a"}, {"output": "b"}], "x"])
def test_a_body_with_nothing_to_fill_is_refused(post, patch, body):
    post("interactions", CALL)
    assert patch(body).status_code == 400


def test_a_key_needs_the_scope_ingest(web, project, make_key, post):
    post("interactions", CALL)
    for scopes, status in (("read", 403), ("feedback", 403), ("ingest", 200)):
        headers = {"Authorization": f"Bearer {make_key(project, scopes)}"}
        answer = httpx2.patch(f"{web}/api/v1/interactions/call", json={"tier": "pro"}, headers=headers)
        assert answer.status_code == status


def test_tokens_are_judged_together_with_those_that_are_stored(project):
    take(project, records.INTERACTIONS, {**CALL, "input_tokens": 10})
    assert fates(fill(project, {"cached_input_tokens": 4})) == {"cached_input_tokens": "filled"}
    with pytest.raises(patching.Unusable):
        fill(project, {"cache_write_tokens": 7})
    assert one(project, "interaction")["cache_write_tokens"] is None


def test_what_was_assumed_may_still_be_said(project):
    take(project, records.INTERACTIONS, CALL)
    assert fates(fill(project, {"status": "ok", "cache": "none"})) == {"status": "unchanged", "cache": "unchanged"}
    assert fates(fill(project, {"status": "error"})) == {"status": "filled"}
    assert fates(fill(project, {"error_class": "timeout", "cache": "exact"})) == {
        "error_class": "filled",
        "cache": "filled",
    }
    row = one(project, "interaction", "status, error_class, cache")
    assert row == {"status": 1, "error_class": 1, "cache": 1}
    assert fates(fill(project, {"status": "ok"})) == {"status": "conflict"}
    assert fates(fill(project, {"error_class": "server", "cache": "semantic"})) == {
        "error_class": "conflict",
        "cache": "conflict",
    }


def test_an_estimated_count_and_a_detected_language_are_absent(project):
    take(project, records.INTERACTIONS, {**CALL, "output_tokens": 3})
    with project_scope(project.id):
        from ingest.models import Interaction

        flags = Flag.INPUT_TOKENS_ESTIMATED | Flag.LANGUAGE_DETECTED
        Interaction.objects.filter(id="call").update(input_tokens=9, language_id=7, flags=flags)
    assert fates(fill(project, {"input_tokens": 10, "language": "fi"})) == {
        "input_tokens": "filled",
        "language": "filled",
    }
    row = one(project, "interaction")
    assert (row["input_tokens"], row["flags"]) == (10, 0)
    assert row["language_id"] == one(project, "dimension_value", "number", "value = 'fi'")["number"]


def test_the_served_model_takes_the_place_of_the_requested_one_and_a_cost_of_the_client_that_of_ours(project):
    with project_scope(project.id):
        for model, price in (("asked", 1), ("served", 3)):
            prices = {"input_usd_per_million": price, "output_usd_per_million": price}
            PriceOverride.objects.create(model=model, valid_from=AT.date(), **prices)
    take(project, records.INTERACTIONS, {**CALL, "input_tokens": 1000, "model": "asked"})
    assert one(project, "interaction")["cost_nano"] == 1_000_000
    assert fates(fill(project, {"served_model": "served", "model": "asked"})) == {
        "model": "unchanged",
        "served_model": "filled",
    }
    row = one(project, "interaction")
    assert (row["cost_nano"], row["cost_source"]) == (3_000_000, CostSource.OVERRIDE)
    assert row["model_id"] == one(project, "dimension_value", "number", "value = 'served'")["number"]
    assert fates(fill(project, {"served_model": "third"})) == {"served_model": "conflict"}
    assert fates(fill(project, {"cost_usd": "0.5"})) == {"cost_usd": "filled"}
    assert fates(fill(project, {"cost_usd": Decimal("0.50").__str__(), "output_tokens": 5})) == {
        "output_tokens": "filled",
        "cost_usd": "unchanged",
    }
    assert one(project, "interaction")["cost_nano"] == 500_000_000
    assert fates(fill(project, {"cost_usd": 1})) == {"cost_usd": "conflict"}


def test_a_cost_of_nothing_beside_tokens_fills_nothing_and_a_true_one_comes_before_it(project):
    sent = {**CALL, "model": "gpt-4o"}

    def cost(id):
        row = one(project, "interaction", "*", "id = %s", id)
        return row["cost_nano"], row["cost_source"]

    take(project, records.INTERACTIONS, {**sent, "output_tokens": 10})
    assert fates(fill(project, {"cost_usd": 0})) == {"cost_usd": "unchanged"}
    assert cost("call") == (100_000, CostSource.CATALOGUE)
    assert fates(fill(project, {"cost_usd": "0.5"})) == {"cost_usd": "filled"}
    assert fates(fill(project, {"cost_usd": 0})) == {"cost_usd": "conflict"}
    assert cost("call") == (500_000_000, CostSource.CLIENT)

    take(project, records.INTERACTIONS, {**sent, "id": "zero", "cost_usd": 0})
    assert cost("zero") == (0, CostSource.CLIENT)
    assert fates(fill(project, {"output_tokens": 10}, "zero")) == {"output_tokens": "filled"}
    assert cost("zero") == (100_000, CostSource.CATALOGUE)

    take(project, records.INTERACTIONS, {**sent, "id": "cached"})
    assert (
        fates(fill(project, {"output_tokens": 10, "cost_usd": 0, "cache": "exact"}, "cached"))["cost_usd"] == "filled"
    )
    assert cost("cached") == (0, CostSource.CLIENT)


def test_verdicts_and_costs_follow_the_dimensions_and_the_user_that_are_filled(project):
    take(project, records.INTERACTIONS, [CALL, {**CALL, "id": "other"}])
    for id in ("call", "other"):
        take(project, records.FEEDBACK, {"kind": "thumb", "value": "up", "interaction_id": id})
        take(project, records.COSTS, {"component": "other", "amount_usd": 1, "interaction_id": id})
    fill(project, {"model": "m", "user_id": "maya", "tier": "pro"})
    interaction = one(project, "interaction", "*", "id = 'call'")
    for table in ("verdict", "cost"):
        followed = one(project, table, "*", "interaction_id = 'call'")
        assert followed["cluster"] == "maya"
        assert (followed["model_id"], followed["tier_id"]) == (interaction["model_id"], interaction["tier_id"])
        assert one(project, table, "tier_id", "interaction_id = 'other'") == {"tier_id": 0}
    assert marks(project, Facts.FEEDBACK) == marks(project, Facts.INTERACTIONS) == {floor(AT, MINUTE)}


def test_a_feature_that_is_in_conflict_does_not_enter_the_dictionary(project):
    take(project, records.INTERACTIONS, CALL)
    assert fates(fill(project, {"feature": "other"})) == {"feature": "conflict"}
    assert fates(fill(project, {"feature": "write"})) == {"feature": "unchanged"}
    assert [row["name"] for row in rows(project, "feature", "name")] == ["write"]


PARTS = [
    {"output": "four words in it", "output_tokens": 40},
    {"input_tokens": 100, "model": "gpt-4o"},
    {"user_id": "maya", "metadata": {"a": 1}},
    {"metadata": {"b": 2}, "tier": "pro", "cached_input_tokens": 0},
]


def test_the_order_of_patches_plays_no_part(make_project):
    ends = []
    for order in (PARTS, PARTS[::-1], PARTS[2:] + PARTS[:2], [PARTS[place] for place in (1, 3, 0, 2)]):
        project = make_project()
        take(project, records.INTERACTIONS, CALL)
        for part in order:
            assert fill(project, part).conflicts == 0
        row, payload = one(project, "interaction"), one(project, "payload")
        del row["project_id"], payload["project_id"], row["received_at"]
        payload["metadata"] = json.loads(payload["metadata"])
        ends.append((row, payload))
    assert all(end == ends[0] for end in ends)
    assert ends[0][0]["cost_nano"] == 650_000


def test_requests_at_the_same_time_lose_no_field_and_one_of_two_values_stays(post, patch, project):
    post("interactions", CALL)
    answers = []
    sent = [*PARTS, *({"session_id": f"s{number}", "metadata": {f"k{number}": number}} for number in range(8))]
    threads = [threading.Thread(target=lambda body=body: answers.append(patch(body).json())) for body in sent]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    row, payload = one(project, "interaction"), one(project, "payload")
    assert json.loads(payload["metadata"]) == {"a": 1, "b": 2} | {f"k{number}": number for number in range(8)}
    assert (row["input_tokens"], row["output_tokens"], row["user_id"], row["cost_nano"]) == (100, 40, "maya", 650_000)
    assert payload["output"] == PARTS[0]["output"]
    said = [result["status"] for answer in answers for result in answer["results"] if result["field"] == "session_id"]
    assert sorted(said) == ["conflict"] * 7 + ["filled"]


def test_feedback_in_flight_gets_what_is_filled_meanwhile(post, project, installation):
    """The feedback's transaction has read the interaction and waits; the patch waits for it, and what it copied follows."""
    import psycopg

    post("interactions", CALL)
    with psycopg.connect(installation.environment["DATABASE_JOBS_URL"]) as other:
        other.execute("SELECT 1 FROM interaction WHERE project_id = %s AND id = 'call' FOR KEY SHARE", [project.id])
        done = threading.Event()
        thread = threading.Thread(target=lambda: (fill(project, {"tier": "pro"}), done.set()))
        thread.start()
        assert not done.wait(0.3), "the patch waits for whoever has read the row"
        other.execute(
            "INSERT INTO verdict (project_id, interaction_at, said_at, kind, interaction_id, cluster, feedback_id)"
            " VALUES (%s, %s, now(), 1, 'call', '', 'f')",
            [project.id, one(project, "interaction")["occurred_at"]],
        )
        other.commit()
        thread.join(10)
    assert one(project, "verdict")["tier_id"] == one(project, "interaction")["tier_id"] != 0


def test_nothing_changes_when_nothing_is_filled(project):
    take(project, records.INTERACTIONS, {**CALL, "tier": "pro"})
    before = [len(rows(project, table)) for table in ("dirty_bucket", "dirty_user", "unread")]
    assert fill(project, {"tier": "pro"}).unchanged == 1
    assert fill(project, {"tier": "free"}).conflicts == 1
    assert [len(rows(project, table)) for table in ("dirty_bucket", "dirty_user", "unread")] == before
    assert one(project, "record_key")["key"] == key_of(RecordKind.INTERACTION, "call")
