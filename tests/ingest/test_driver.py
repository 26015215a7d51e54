"""Patience with the database: waits that end, doubt that spreads, connections that are found dead without asking."""

import threading
import time

import httpx2
import psycopg
import pytest
from psycopg_pool import ConnectionPool

from ingest.driver import patience
from ingest.driver.connections import PatientConnection, has_hung_up, lend
from ingest.driver.doubt import SERVER, Doubt, NotAsked, Unanswered
from ingest.projects.keys import make
from tests.harness.installation import free_port


@pytest.fixture
def url(installation):
    return installation.server.urls.jobs


@pytest.fixture(autouse=True)
def no_doubt():
    SERVER.end_trial(answered=True)
    yield
    SERVER.end_trial(answered=True)


def test_a_budget_of_waiting_is_spent_by_waits_and_not_by_time():
    assert patience.left(None) is None
    with patience.at_most(5.0):
        time.sleep(0.01)
        assert patience.left(None) == 5.0
        patience.spend(3.0)
        assert patience.left(None) == 2.0
        assert patience.left(0.5) == 0.5
        patience.spend(9.0)
        assert patience.left(7.0) == 0.0
    assert patience.left(7.0) == 7.0


def test_an_inner_budget_is_part_of_the_outer_one():
    with patience.at_most(5.0):
        with patience.at_most(2.0):
            patience.spend(1.5)
            assert patience.left(None) == 0.5
        assert patience.left(None) == 3.5
        with patience.at_most(60.0):
            assert patience.left(None) == 3.5


def test_a_wait_ends_with_its_connection_when_patience_does(url):
    with PatientConnection.connect(url, patience_s=0.2) as connection:
        began = time.monotonic()
        with pytest.raises(Unanswered):
            connection.execute("SELECT pg_sleep(30)")
        assert 0.15 < time.monotonic() - began < 2
        assert connection.closed
    assert not SERVER.is_raised  # a short wait is no evidence against the server


def test_a_request_spends_one_budget_over_many_questions(url):
    with PatientConnection.connect(url, patience_s=60.0, autocommit=True) as connection, patience.at_most(0.5):
        for _ in range(3):
            connection.execute("SELECT pg_sleep(0.15)")
        with pytest.raises(Unanswered):
            connection.execute("SELECT pg_sleep(0.15)")


def test_a_caller_s_own_timeout_stays_its_own(url):
    with PatientConnection.connect(url, patience_s=60.0, autocommit=True) as connection:
        assert list(connection.notifies(timeout=0.05)) == []
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_without_patience_nothing_ends(url):
    with PatientConnection.connect(url) as connection:
        assert connection.execute("SELECT pg_sleep(0.2), 1").fetchone()[1] == 1


def test_a_large_request_is_sent_whole(url):
    text = "é" * 3_000_000
    with PatientConnection.connect(url, patience_s=30.0) as connection:
        assert connection.execute("SELECT length(%s::text)", [text]).fetchone() == (3_000_000,)


def test_a_server_that_hung_up_is_noticed_without_a_question(url, installation):
    with psycopg.connect(installation.server.superuser_url, autocommit=True) as superuser:
        connection = PatientConnection.connect(url, patience_s=5.0, autocommit=True)
        assert not has_hung_up(connection)
        superuser.execute("SELECT pg_terminate_backend(%s, 5000)", [connection.info.backend_pid])
        assert has_hung_up(connection)
        assert connection.closed


def test_one_tries_while_the_others_are_refused_and_an_answer_ends_the_doubt():
    doubt = Doubt()
    assert not doubt.may_ask(0.0)
    doubt.rise()
    assert doubt.may_ask(10.0)
    with pytest.raises(NotAsked):
        doubt.may_ask(10.1)
    doubt.end_trial(answered=False)
    assert doubt.may_ask(10.2)
    doubt.end_trial(answered=True)
    assert not doubt.may_ask(10.3)


def test_a_trial_that_never_ends_blocks_nobody_for_long():
    doubt = Doubt()
    doubt.rise()
    assert doubt.may_ask(0.0)
    assert doubt.may_ask(60.0)


@pytest.fixture
def pool(url):
    with ConnectionPool(
        url, connection_class=PatientConnection, min_size=1, max_size=3, timeout=2, reconnect_timeout=0,
        kwargs={"patience_s": 5.0, "autocommit": True}, open=True,
    ) as made:  # fmt: skip
        made.wait(10)
        yield made


def test_dead_connections_are_thrown_away_on_the_way_to_a_living_one(pool, installation):
    borrowed = [lend(pool) for _ in range(3)]
    for one in borrowed:
        pool.putconn(one)
    with psycopg.connect(installation.server.superuser_url, autocommit=True) as superuser:
        for one in borrowed:
            superuser.execute("SELECT pg_terminate_backend(%s, 5000)", [one.info.backend_pid])
    began = time.monotonic()
    found = lend(pool)
    assert found.execute("SELECT 1").fetchone() == (1,)
    assert time.monotonic() - began < 1.5
    pool.putconn(found)


def test_in_doubt_the_pool_is_tried_by_one_and_then_lent_again(pool):
    SERVER.rise()
    refused, release = [], threading.Event()

    def other():
        try:
            lend(pool)
        except NotAsked as error:
            refused.append(error)
        release.set()

    assert SERVER.may_ask(time.monotonic())
    thread = threading.Thread(target=other)
    thread.start()
    assert release.wait(5)
    thread.join(5)
    assert len(refused) == 1
    SERVER.end_trial(answered=False)
    pool.putconn(lend(pool))
    assert not SERVER.is_raised


def test_a_failed_trial_keeps_the_doubt_and_costs_little(installation):
    dead = f"postgresql://x:y@127.0.0.1:1/{installation.server.urls.jobs.rsplit('/', 1)[1].split('?')[0]}"
    with ConnectionPool(dead, connection_class=PatientConnection, min_size=0, max_size=2, timeout=2, open=True) as pool:
        SERVER.rise()
        began = time.monotonic()
        with pytest.raises(psycopg.OperationalError):
            lend(pool)
        assert time.monotonic() - began < 1.5
        assert SERVER.is_raised


def test_workers_have_more_patience_than_their_server_and_an_end_to_it():
    from django.conf import settings
    from django.db import connection

    connection.ensure_connection()
    assert isinstance(connection.connection, PatientConnection)
    assert connection.connection.patience_s == settings.QUESTION_PATIENCE_S["jobs"] == 90
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("1min",)


def test_a_page_without_a_database_says_so_without_asking_it(installation):
    port = free_port()
    away = "postgresql://observatory_app:word@127.0.0.1:1/observatory"
    process = installation.web_process("observatory.wsgi:application", port, DATABASE_URL=away)
    try:
        cookies = {"sessionid": "x" * 32}
        page = httpx2.get(f"http://127.0.0.1:{port}/", cookies=cookies, timeout=10)
        assert (page.status_code, page.headers["retry-after"]) == (503, "2")
        assert "Back in a moment" in page.text
        api = httpx2.get(f"http://127.0.0.1:{port}/api/v1/metrics", headers={"x-api-key": make().text}, timeout=10)
        assert (api.status_code, api.headers["retry-after"]) == (503, "2")
        assert api.headers["content-type"] == "application/problem+json"
    finally:
        process.terminate()
        process.wait(10)
