"""GET /metrics: the product's own health, for those who may know, whatever is broken."""

import subprocess
import sys
from datetime import timedelta

import httpx2
import pytest
from django.conf import settings
from django.db import connection

from ingest import duties, timeline
from ingest.dimensions import RecordKind
from ingest.duties import Duty
from ingest.projects.provision import project_named
from observatory import counted, scrape, vitals
from observatory.scrape import Standing, standing
from tests.harness.installation import ROOT, free_port
from tests.observatory.metrics.test_exposition import parsed

LOCAL, PUBLIC = "http://localhost:8000", "https://observatory.example.com"
HERE = {"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "localhost:8000"}


def told(body: str) -> dict[str, float]:
    """The value of each name, summed over its labels but for the first one."""
    found: dict[str, float] = {}
    for name, labels, value in parsed(body.removesuffix("\n").removesuffix("\n# EOF").split("\n"))[2]:
        first = next((f"{{{value}}}" for key, value in labels.items() if key != "process"), "")
        found[name + first] = found.get(name + first, 0) + value
    return found


@pytest.mark.parametrize(
    ("environ", "public_url", "expected"),
    [
        ({}, LOCAL, Standing.WELCOME),
        ({"REMOTE_ADDR": "::1", "HTTP_HOST": "[::1]:8000"}, LOCAL, Standing.WELCOME),
        ({"REMOTE_ADDR": "::ffff:127.0.0.1"}, LOCAL, Standing.WELCOME),
        ({"REMOTE_ADDR": "10.0.0.7"}, LOCAL, Standing.CLOSED),
        ({"REMOTE_ADDR": ""}, LOCAL, Standing.CLOSED),
        ({"HTTP_HOST": "evil.example:8000"}, LOCAL, Standing.CLOSED),
        ({"HTTP_HOST": "[bad"}, LOCAL, Standing.CLOSED),
        ({"HTTP_X_FORWARDED_FOR": "127.0.0.1"}, LOCAL, Standing.CLOSED),
        ({"HTTP_X_FORWARDED_PROTO": "https"}, LOCAL, Standing.CLOSED),
        ({"HTTP_FORWARDED": "for=127.0.0.1"}, LOCAL, Standing.CLOSED),
        ({"HTTP_VIA": "1.1 cache"}, LOCAL, Standing.CLOSED),
        ({}, PUBLIC, Standing.CLOSED),
    ],
)
def test_without_a_token_only_a_program_on_the_machine_itself_is_welcome(environ, public_url, expected):
    assert standing(HERE | environ, "", public_url) is expected


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("Bearer sixteen-letters-x", Standing.WELCOME),
        ("bearer  sixteen-letters-x ", Standing.WELCOME),
        ("Bearer sixteen-letters-y", Standing.UNKNOWN),
        ("Bearer ", Standing.UNKNOWN),
        ("Bearer sixteen-letters-\u00fc", Standing.UNKNOWN),
        ("Basic sixteen-letters-x", Standing.UNKNOWN),
        ("", Standing.UNKNOWN),
    ],
)
def test_a_token_lets_in_whoever_has_it_and_nobody_else_from_anywhere(sent, expected):
    for environ in (HERE, {"REMOTE_ADDR": "203.0.113.9", "HTTP_X_FORWARDED_FOR": "203.0.113.9"}):
        assert standing({**environ, "HTTP_AUTHORIZATION": sent}, "sixteen-letters-x", PUBLIC) is expected


def test_it_tells_what_the_product_does_and_names_no_project(web, project, post):
    now = timeline.now()
    for duty in Duty:
        duties.beat(duty, now - timedelta(seconds=30), {})
    item = {"kind": "thumb", "value": "up", "interaction_id": "never-came"}
    assert post("feedback", item).status_code == 200
    assert httpx2.get(f"{web}/api/v1/nowhere").status_code == 404
    answer = httpx2.get(f"{web}/metrics", headers={"Host": web.removeprefix("http://")})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    found = told(answer.text)
    assert (found["observatory_database_up"], found["observatory_check_ok{migrations}"]) == (1, 1)
    assert found["observatory_projects"] >= 1
    assert found["observatory_orphans{feedback}"] >= 1
    assert "observatory_orphans" not in found
    assert 30 <= found["observatory_duty_beat_age_seconds{roll}"] < 60
    assert {name for name in found if name.startswith("observatory_duty_late")} == {
        f"observatory_duty_late{{{duty.name.lower()}}}" for duty in Duty
    }
    assert 7 <= found["observatory_partition_days_left{interaction}"] <= 29
    assert found["observatory_http_requests_total{2xx}"] >= 1
    assert found["observatory_http_requests_total{4xx}"] >= 1
    assert found["process_resident_memory_bytes"] > 20e6
    assert found["observatory_data_free_bytes"] > 0
    assert abs(found["process_start_time_seconds"] - now.timestamp()) < 3600
    assert project.slug not in answer.text
    assert project.name not in answer.text
    asked = httpx2.get(f"{web}/metrics", headers={"Accept": "application/openmetrics-text"})
    assert asked.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert asked.text.endswith("# EOF\n")


def test_what_waits_is_counted_over_all_projects(make_project):
    def waiting() -> dict[str, float]:
        return {family.name: family.samples[0].value for family in vitals.families(timeline.now()) if family.samples}

    before = waiting()
    for project in (make_project(), make_project()):
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO dirty_bucket (project_id, bucket, facts, marked_at)"
                " VALUES (%s, now(), 1, clock_timestamp() - interval '3 days')",
                [project.pk],
            )
    after = waiting()
    assert after["observatory_rollup_dirty_marks"] - before["observatory_rollup_dirty_marks"] == 2
    assert after["observatory_rollup_dirty_projects"] - before["observatory_rollup_dirty_projects"] == 2
    assert after["observatory_rollup_lag_seconds"] >= 3 * 86_400
    assert after["observatory_projects"] - before["observatory_projects"] == 2
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM dirty_bucket WHERE marked_at < clock_timestamp() - interval '2 days'")


def test_orphans_of_all_projects_are_told_by_their_kind(make_project):
    def waiting() -> dict[str, float]:
        (family,) = [one for one in vitals.families(timeline.now()) if one.name == "observatory_orphans"]
        return {sample.labels["kind"]: sample.value for sample in family.samples}

    before = waiting()
    with connection.cursor() as cursor:
        for kind, count in ((RecordKind.FEEDBACK, 2), (RecordKind.COST, 3)):
            for state, settled_at in (("waits", None), ("bound", timeline.now())):
                cursor.execute(
                    "INSERT INTO orphan (project_id, interaction_key, record_kind, occurred_at, id, received_at, settled_at)"
                    " SELECT %s, '', %s, now(), %s || n, now(), %s FROM generate_series(1, %s) n",
                    [make_project().pk, int(kind), state, settled_at, count],
                )
    after = waiting()
    assert {kind: after[kind] - before[kind] for kind in after} == {"feedback": 2, "cost": 3}


def test_a_database_that_is_away_is_a_number_too(installation):
    probe = (
        "import django; django.setup(); from observatory import vitals; from ingest import timeline;"
        "print({f.name: [s.value for s in f.samples] for f in vitals.families(timeline.now())})"
    )
    away = {"DATABASE_JOBS_URL": f"postgresql://nobody:x@127.0.0.1:{free_port()}/none", "OBSERVATORY_ROLE": "jobs"}
    environment = installation.environment | away
    said = subprocess.run(
        [sys.executable, "-c", probe], check=False, env=environment, cwd=ROOT, capture_output=True, text=True
    )
    assert "'observatory_database_up': [False]" in said.stdout, said.stderr
    assert "process_resident_memory_bytes" in said.stdout
    assert "observatory_projects" not in said.stdout


def test_a_refusal_says_what_would_help_and_the_token_opens(monkeypatch):
    from django.test import RequestFactory

    def answer(**environ):
        return scrape.metrics(RequestFactory().get("/metrics", **environ))

    monkeypatch.setattr(settings, "PUBLIC_URL", PUBLIC)
    closed = answer()
    assert (closed.status_code, b"OBSERVATORY_METRICS_TOKEN" in closed.content) == (403, True)
    monkeypatch.setattr(settings, "METRICS_TOKEN", "a-token-of-some-length")
    refused = answer()
    assert (refused.status_code, refused["WWW-Authenticate"][:6]) == (401, "Bearer")
    assert answer(HTTP_AUTHORIZATION="Bearer a-token-of-some-length").status_code == 200


def test_a_scraper_may_call_the_host_by_any_name(web):
    headers = {"Host": "observatory:8000"}
    assert httpx2.get(f"{web}/metrics", headers=headers).status_code == 403  # a page would be 400: not an allowed host
    assert httpx2.post(f"{web}/metrics").status_code == 405


def test_a_short_token_stops_the_start(installation):
    words = [sys.executable, "-c", "import observatory.settings"]
    environment = installation.environment | {"OBSERVATORY_METRICS_TOKEN": "short", "OBSERVATORY_ROLE": "jobs"}
    done = subprocess.run(words, check=False, env=environment, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, "fewer than 16 characters" in done.stderr) == (1, True)


def test_answers_are_counted_by_the_class_of_their_status():
    from django.http import HttpResponse
    from django.test import RequestFactory

    before = counted.answered()
    for status in (200, 207, 404):
        counted.Counted(lambda _, status=status: HttpResponse(status=status))(RequestFactory().get("/"))
    after = counted.answered()
    assert {name: after[name] - before[name] for name in after} == {"2xx": 2, "3xx": 0, "4xx": 1, "5xx": 0}


def test_no_project_is_named_like_an_address_of_the_products_own():
    for name in ("Metrics", "API", "Sign in"):
        assert project_named(name, now=timeline.now()).slug.endswith("-2")
