"""`manage.py import`: history from files, stored as if it had been posted, once, and telling nobody of the past."""

import gzip
import io
import json
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta

import httpx2
import pytest
from django.core.management import CommandError, call_command

from ingest import records, timeline
from ingest.dimensions import CostSource, ErrorClass
from ingest.imports import columns, items
from ingest.imports.columns import BadColumns, Columns
from ingest.imports.progress import Progress, Refused
from ingest.kinds import COSTS, INTERACTIONS
from ingest.models import Cost, Feedback, Interaction
from ingest.projects.models import Feature
from ingest.projects.scope import project_scope
from ingest.refusals import Problem
from tests.harness.installation import ROOT

HOUR = timedelta(hours=1)


@pytest.fixture
def bring_in(project):
    """Import a file in this very process; gives what the command printed."""

    def run(path, *words):
        out = io.StringIO()
        call_command("import", project.slug, str(path), "--processes", "1", *words, stdout=out, stderr=io.StringIO())
        return out.getvalue()

    return run


@pytest.fixture
def stored(project):
    def read():
        with project_scope(project.id):
            return {one.id: one for one in Interaction.objects.all()}

    return read


def calls(count, *, before=HOUR, **fields):
    first = timeline.now() - before - count * timedelta(seconds=1)
    return [
        {"feature": "chat", "occurred_at": (first + timedelta(seconds=n)).isoformat(), "latency_ms": n, "prompt": f"{n}"}
        | {name: value(n) if callable(value) else value for name, value in fields.items()}
        for n in range(count)
    ]  # fmt: skip


def written(path, lines):
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def rejected(path):
    lines = path.with_name(f"{path.name}.rejected.jsonl").read_text().splitlines()
    return {told["line"]: told for told in map(json.loads, lines)}


def test_a_cost_of_nothing_and_an_error_mean_in_a_table_what_they_mean_in_a_post(bring_in, stored, tmp_path):
    path = tmp_path / "calls.csv"
    at = (timeline.now() - HOUR).isoformat()
    path.write_text(
        "id,occurred_at,feature,model,output_tokens,cost_usd,cache,status,error_class,error_message\n"
        f"a,{at},chat,gpt-4o,10,0.00,,,429,\nb,{at},chat,gpt-4o,10,0,exact,,,\n"
        f"c,{at},chat,gpt-4o,10,0.25,,error,,Request timed out.\n"
    )
    bring_in(path)
    assert {id: (one.cost_nano, one.cost_source, one.error_class) for id, one in stored().items()} == {
        "a": (100_000, CostSource.CATALOGUE, ErrorClass.RATE_LIMIT),
        "b": (0, CostSource.CLIENT, ErrorClass.NONE),
        "c": (250_000_000, CostSource.CLIENT, ErrorClass.TIMEOUT),
    }


def test_lines_are_stored_as_posts_would_be_and_known_again(bring_in, stored, tmp_path, post):
    own = calls(3, id=lambda n: f"own-{n}")
    path = written(tmp_path / "history.jsonl", [*own, *calls(4)])
    assert bring_in(path).startswith("7 items: 7 stored, 0 there already, 0 refused.")
    first = stored()
    assert {f"own-{n}" for n in range(3)} < set(first)
    assert sum(id.startswith("import-") for id in first) == 4
    assert bring_in(path).startswith("7 items: 0 stored, 7 there already, 0 refused.")
    assert set(stored()) == set(first)
    assert post("interactions", own).json()["duplicates"] == 3
    assert [one.name for one in tmp_path.iterdir()] == ["history.jsonl"]


def test_gzip_is_told_by_its_first_bytes(bring_in, stored, tmp_path):
    path = tmp_path / "history.jsonl"
    path.write_bytes(gzip.compress("".join(json.dumps(one) + "\n" for one in calls(5)).encode()))
    assert "5 stored" in bring_in(path)
    assert len(stored()) == 5


def test_a_bad_line_is_named_with_its_number_and_costs_no_neighbour(bring_in, stored, tmp_path):
    good = [json.dumps(one) for one in calls(6)]
    lone = json.dumps(calls(1, prompt="half \ud800 a pair")[0])
    lines = [
        good[0], "", "{broken", good[1], '{"feature": "chat"}', good[2], "[1, 2]", '"x"', good[3], "\x00", lone,
        json.dumps({**calls(1)[0], "latency_ms": "slow"}), good[4], '{"feature": "chat", "prompt": "', good[5],
        json.dumps({**calls(1)[0], "feature": "y" * 101}),
    ]  # fmt: skip
    path = tmp_path / "history.jsonl"
    path.write_text("\n".join(lines))
    assert "7 stored, 0 there already, 8 refused" in bring_in(path)
    told = rejected(path)
    assert sorted(told) == [3, 5, 7, 8, 10, 12, 14, 16]
    assert told[5]["error"]["path"] == "$.occurred_at"
    assert told[12]["error"] == {"path": "$.latency_ms", "expected": "a number ≥ 0", "got": "string"}
    assert told[3]["content"] == "{broken"
    assert "0 stored, 7 there already, 8 refused" in bring_in(path)
    assert len(stored()) == 7


def test_an_id_with_other_content_is_refused_and_the_first_one_stays(bring_in, stored, tmp_path):
    one, other = calls(2, id="same")
    path = written(tmp_path / "history.jsonl", [one, other])
    assert "1 stored, 0 there already, 1 refused" in bring_in(path)
    assert rejected(path)[2]["error"]["path"] == "$.id"
    assert [row.latency_ms for row in stored().values()] == [0]


def test_lines_of_every_kind_can_be_mixed(bring_in, stored, project, tmp_path):
    at = (timeline.now() - HOUR).isoformat()
    lines = [
        {"type": "interaction", "id": "i-1", "feature": "chat", "occurred_at": at},
        {"type": "feedback", "interaction_id": "i-1", "kind": "thumb", "value": "up", "occurred_at": at},
        {"type": "cost", "component": "infrastructure", "amount_usd": 3, "feature": "chat", "occurred_at": at},
        {"type": "change", "kind": "deploy", "title": "x", "occurred_at": at},
        {"type": "user", "user_id": "u", "event": "seen", "occurred_at": at},
        {"type": "figure", "month": "2026-01", "name": "revenue_usd", "value": 5},
        {"type": "figure", "name": "revenue_usd", "value": 5},
    ]
    path = written(tmp_path / "all.jsonl", lines)
    assert "6 stored, 0 there already, 1 refused" in bring_in(path, "--kind", "mixed")
    assert "0 stored, 6 there already, 1 refused" in bring_in(path, "--kind", "mixed")
    with project_scope(project.id):
        assert (len(stored()), Feedback.objects.count(), Cost.objects.count()) == (1, 1, 1)


TABLE = """User;When;Feature name;Latency;Cost;Cache hit;Team
u1;01.11.2026 10:00;chat;12.5;0.00042;exact;red
u2;01.11.2026 10:01;chat;slow;;none;red
"u;3";01.11.2026 10:02;"two
lines";7;;none;
u4;yesterday;chat;7;;none;blue
u5;01.11.2026 10:03;chat;7
"""


def test_what_a_table_lacks_is_said_at_once(bring_in, tmp_path):
    path = tmp_path / "export.csv"
    path.write_text(TABLE.replace(";", ","))
    said = bring_in(path, "--map", "When=occured_at").splitlines()
    assert "refused" in said[0]
    assert said[1].startswith("  4 × $.occurred_at: expected the time of the event")
    assert said[1].endswith("(line 2: nothing)")
    assert (
        "Columns that are no field: User, When (occured_at), Feature name, Latency, Cost, Cache hit, Team." in said[3]
    )
    assert said[-1].endswith("export.csv.rejected.jsonl")


def test_a_time_in_another_form_than_the_one_that_was_given_names_that_form(bring_in, tmp_path):
    path = tmp_path / "export.csv"
    path.write_text("When,feature\n2026-11-01 10:00,chat\n")
    said = bring_in(path, "--map", "When=occurred_at", "--time-format", "%d.%m.%Y %H:%M")
    assert "  1 × $.occurred_at: expected a time written as %d.%m.%Y %H:%M (line 2: '2026-11-01 10:00')" in said
    assert "RFC" not in json.dumps(rejected(path))


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_items_of_another_kind_are_recognised_by_their_fields(bring_in, tmp_path, suffix):
    at = (timeline.now() - HOUR).isoformat()
    thumbs = [{"interaction_id": f"i-{n}", "kind": "thumb", "value": "up", "occurred_at": at} for n in range(3)]
    path = tmp_path / f"thumbs.{suffix}"
    if suffix == "csv":
        path.write_text("\n".join([",".join(thumbs[0]), *(",".join(one.values()) for one in thumbs)]))
    else:
        written(path, thumbs)
    said = bring_in(path)
    assert "3 × $.feature: expected" in said
    assert "Most of these look like feedback: --kind feedback\n" in said
    assert "look like" not in bring_in(path, "--kind", "feedback")


def test_a_mixed_line_without_a_type_is_told_about_its_type(bring_in, tmp_path):
    path = written(tmp_path / "all.jsonl", [{"feature": "chat"}, {"type": "opinion"}, {"type": "cost"}])
    bring_in(path, "--kind", "mixed")
    assert [told["error"]["path"] for told in rejected(path).values()] == ["$.type", "$.type", "$.occurred_at"]


def test_a_table_needs_a_map_of_its_columns_and_nothing_else(bring_in, stored, project, tmp_path):
    type(project).objects.filter(pk=project.pk).update(time_zone="Europe/Berlin")
    path = tmp_path / "export.csv"
    path.write_text(TABLE.replace(";", ",").replace('"u,3"', '"u;3"'), encoding="utf-8-sig")
    (tmp_path / "map.txt").write_text("# ours\nUser=user_id\nWhen=occurred_at\nFeature name=feature\n")
    words = ["--columns", str(tmp_path / "map.txt"), "--map", "Latency=latency_ms", "--map", "Cost=cost_usd"]
    said = bring_in(
        path, *words, "--map", "Cache hit=cache", "--set", "environment=live", "--time-format", "%d.%m.%Y %H:%M"
    )
    assert "2 stored, 0 there already, 3 refused" in said
    assert sorted(rejected(path)) == [3, 6, 7]
    by_user = {one.user_id: one for one in stored().values()}
    assert set(by_user) == {"u1", "u;3"}
    one = by_user["u1"]
    assert (one.latency_ms, one.cost_nano, one.cache) == (12.5, 420_000, 1)
    assert one.occurred_at.isoformat() == "2026-11-01T09:00:00+00:00"
    with project_scope(project.id):
        assert set(Feature.objects.values_list("name", flat=True)) >= {"chat", "two\nlines"}


@pytest.mark.parametrize(
    ("header", "fields", "words"),
    [
        (["a", "b"], {"c": "user_id"}, "there is no column 'c'"),
        (["a", "b"], {"a": "user_id", "b": "user_id"}, "more than one column is user_id"),
        (["user_id", "b"], {"b": "user_id"}, "more than one column is user_id"),
        (["a", " "], {}, "has no name"),
    ],
)
def test_a_map_that_cannot_be_is_refused(header, fields, words):
    with pytest.raises(BadColumns, match=words):
        columns.check_header(header, Columns(fields))


@pytest.mark.parametrize(
    ("kind", "cells", "item"),
    [
        (INTERACTIONS, {"input_tokens": "12", "latency_ms": "1e3"}, {"input_tokens": 12, "latency_ms": 1000.0}),
        (INTERACTIONS, {"input_tokens": "12.5", "tier": ""}, {"input_tokens": "12.5"}),
        (INTERACTIONS, {"input_tokens": "1_000", "output_tokens": "١٢"}, {"input_tokens": "1_000", "output_tokens": "١٢"}),
        (INTERACTIONS, {"latency_ms": "1_000.5", "retrieval_latency_ms": "１.５"}, {"latency_ms": "1_000.5", "retrieval_latency_ms": "１.５"}),
        (INTERACTIONS, {"latency_ms": "nan", "time_to_first_token_ms": "1e999"}, {"latency_ms": "nan", "time_to_first_token_ms": "1e999"}),
        (INTERACTIONS, {"latency_ms": "-Infinity", "input_tokens": "9" * 5000}, {"latency_ms": "-Infinity", "input_tokens": "9" * 5000}),
        (INTERACTIONS, {"metadata": '{"a": NaN}', "retrieval": '{"a": 1,}'}, {"metadata": '{"a": NaN}', "retrieval": '{"a": 1,}'}),
        (INTERACTIONS, {"metadata": '{"a": "half \\ud800"}'}, {"metadata": {"a": "half \ud800"}}),
        (INTERACTIONS, {"prompt": "12", "tier": "1"}, {"prompt": "12", "tier": "1"}),
        (INTERACTIONS, {"metadata": '{"a": [1]}', "retrieval": "none"}, {"metadata": {"a": [1]}, "retrieval": "none"}),
        (INTERACTIONS, {"occurred_at": "2026-11-01 10:00"}, {"occurred_at": "2026-11-01T10:00:00+01:00"}),
        (INTERACTIONS, {"occurred_at": "2026-11-01T10:00:00Z"}, {"occurred_at": "2026-11-01T10:00:00+00:00"}),
        (COSTS, {"amount_usd": "0.10", "own": "7"}, {"amount_usd": "0.10", "own": "7"}),
    ],
)  # fmt: skip
def test_a_cell_is_read_as_its_field_wants_it(kind, cells, item):
    made = columns.item_of(list(cells), list(cells.values()), Columns(time_zone="Europe/Berlin"), kind)
    assert json.loads(made) == item


def test_a_cell_that_is_no_number_is_named_and_not_taken_for_nothing(bring_in, stored, tmp_path):
    at = (timeline.now() - HOUR).isoformat()
    path = tmp_path / "export.csv"
    path.write_text(
        f"occurred_at,feature,latency_ms,input_tokens\n{at},a,7,1\n{at},a,nan,1\n{at},a,7,1_000\n{at},a,7,١٢\n"
    )
    assert "1 stored, 0 there already, 3 refused" in bring_in(path)
    told = rejected(path)
    assert {line: told[line]["error"]["path"] for line in told} == {
        3: "$.latency_ms",
        4: "$.input_tokens",
        5: "$.input_tokens",
    }
    assert [row.latency_ms for row in stored().values()] == [7]


def test_how_far_history_reaches_is_said_before_any_of_it_can_be_seen(bring_in, project, monkeypatch, tmp_path):
    usual, seen = records.take, []

    def take(*given):
        with project_scope(project.id):
            seen.extend(Feature.objects.values_list("name", "imported_to"))
        return usual(*given)

    monkeypatch.setattr(records, "take", take)
    (event,) = calls(1)
    bring_in(written(tmp_path / "x.jsonl", [event]))
    assert seen == [("chat", datetime.fromisoformat(event["occurred_at"]))]


def test_what_was_refused_after_the_last_save_before_a_kill_is_told_once(tmp_path):
    path = written(tmp_path / "x.jsonl", [])
    first, second = (Refused(line, Problem("$", "an object", "something else"), "x") for line in (1, 2))
    killed = Progress(path, "here")
    killed.reject([first])
    killed.tally.line = killed.tally.refused = 1
    killed.save()
    killed.reject([second])
    killed._out.close()  # written, and not accounted for
    again = Progress(path, "here")
    assert (again.goes_on, again.tally.line) == (True, 1)
    again.reject([second])
    again.tally.refused = 2
    again.close(is_done=True)
    lines = again.rejected.read_text().splitlines()
    assert [json.loads(line)["line"] for line in lines] == [1, 2]


def test_an_id_depends_on_file_line_and_content():
    def id_of(number, content, name="a.jsonl"):
        return json.loads(items.looked_into(number, content, name).content)["id"]

    line = b'{"occurred_at":"2026-11-01T10:00:00Z"}'
    ids = [id_of(1, line), id_of(2, line), id_of(1, line, "b.jsonl"), id_of(1, line.replace(b"01T", b"02T"))]
    assert len(set(ids)) == 4
    assert id_of(1, line) == ids[0]
    assert id_of(1, b'{"id": null, "occurred_at":"2026-11-01T10:00:00Z"}').startswith("import-")
    assert id_of(1, b'{"id": "own", "occurred_at":"2026-11-01T10:00:00Z"}') == "own"
    assert isinstance(items.looked_into(1, b"{}", "a.jsonl", "interaction"), Problem)


def test_a_killed_import_goes_on_where_it_stopped(installation, project, tmp_path):
    lines = [json.dumps(one) for one in calls(36_000, prompt=lambda n: f"{n} " * 20)]
    for number in range(0, len(lines), 500):
        lines[number] = "{broken"
    path = tmp_path / "history.jsonl"
    path.write_text("\n".join(lines))
    words = [sys.executable, "manage.py", "import", project.slug, str(path), "--processes", "2"]
    process = subprocess.Popen(
        words, cwd=ROOT, env=_as_jobs(installation), stderr=subprocess.PIPE, start_new_session=True
    )
    deadline = time.monotonic() + 60
    while not _written_down(path) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    stopped_at = _written_down(path)
    assert 0 < stopped_at < 36_000
    done = subprocess.run(words, cwd=ROOT, env=_as_jobs(installation), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"Going on after line {stopped_at:,}." in done.stderr
    assert "72 refused" in done.stdout
    with project_scope(project.id):
        assert Interaction.objects.count() == 36_000 - 72
    assert sorted(rejected(path)) == list(range(1, 36_001, 500))
    assert not path.with_name(f"{path.name}.progress.json").exists()


def _as_jobs(installation):
    return {name: value for name, value in installation.environment.items() if name != "OBSERVATORY_ROLE"}


def _written_down(path):
    try:
        return json.loads(path.with_name(f"{path.name}.progress.json").read_text())["tally"]["line"]
    except FileNotFoundError:
        return 0


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["nobody", "x.jsonl"], "no project has the slug"),
        (["{slug}", "missing.jsonl"], "cannot be read"),
        (["{slug}", "{file}", "--map", "nonsense"], "is not COLUMN=FIELD"),
    ],
)
def test_a_mistake_is_one_line(project, tmp_path, words, complaint):
    file = written(tmp_path / "x.jsonl", [])
    with pytest.raises(CommandError, match=complaint):
        call_command("import", *[word.format(slug=project.slug, file=file) for word in words])


def test_a_read_only_project_of_nobody_else_is_touched(bring_in, make_project, tmp_path):
    other = make_project()
    bring_in(written(tmp_path / "x.jsonl", calls(2)))
    with project_scope(other.id):
        assert Interaction.objects.count() == 0


def test_what_was_imported_can_be_read_back(bring_in, web, key, tmp_path):
    bring_in(written(tmp_path / "x.jsonl", calls(1, id="read-me", output="  exactly\r\n")))
    answer = httpx2.get(f"{web}/api/v1/interactions/read-me", headers={"x-api-key": key})
    assert answer.json()["output"] == "  exactly\r\n"
