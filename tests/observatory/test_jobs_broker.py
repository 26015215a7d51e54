"""Messages through PostgreSQL: hints that never pile up, in a schema that only the jobs role may use."""

import contextlib
from collections.abc import Iterator

import psycopg
import pytest
from kombu import Connection, Queue

from observatory import broker

NAME = "hints_of_a_test"


@pytest.fixture(scope="module")
def queue(installation) -> Iterator[str]:
    """A queue that no worker serves, granted like the real ones."""
    with psycopg.connect(installation.server.urls.owner, autocommit=True) as owner:
        owner.execute(f"SELECT pgmq.create_unlogged('{NAME}')")
        owner.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON pgmq.q_{NAME} TO observatory_jobs")
        yield NAME
        owner.execute(f"SELECT pgmq.drop_queue('{NAME}')")


@pytest.fixture
def line(queue) -> Iterator[Connection]:
    options = dict(broker.configuration("")["broker_transport_options"])
    with Connection(broker.configuration("")["broker_url"], transport_options=options) as connection:
        yield connection
        with psycopg.connect(broker.settings.JOBS_DATABASE_URL, autocommit=True) as own:
            own.execute(f"DELETE FROM pgmq.q_{NAME}")


def publish(line: Connection, body: str) -> None:
    with line.Producer() as producer:
        producer.publish(body, routing_key=NAME, exchange="", serializer="json")


def rows(table: str) -> list[tuple]:
    with psycopg.connect(broker.settings.JOBS_DATABASE_URL, autocommit=True) as own:
        return own.execute(f"SELECT message, read_ct FROM pgmq.{table} ORDER BY msg_id").fetchall()


def bound(line: Connection):
    return Queue(NAME, routing_key=NAME, no_declare=True)(line.default_channel)


def test_a_published_hint_is_received(line):
    publish(line, "look")
    message = bound(line).get()
    assert message.decode() == "look"
    message.ack()


def test_the_newest_hint_stands_for_all_that_wait(line):
    for number in range(50):
        publish(line, f"look {number}")
    assert len(rows(f"q_{NAME}")) == 1
    assert bound(line).get(no_ack=True).decode() == "look 49"


def test_a_hint_that_is_being_worked_on_survives_the_next_one(line):
    publish(line, "first")
    first = bound(line).get()
    publish(line, "second")
    assert [read for _, read in rows(f"q_{NAME}")] == [1, 0]
    first.ack()
    assert [read for _, read in rows(f"q_{NAME}")] == [0]


def test_an_acknowledged_hint_leaves_nothing_behind_not_even_in_the_archive(line, installation):
    publish(line, "look")
    bound(line).get().ack()
    assert rows(f"q_{NAME}") == []
    with psycopg.connect(installation.server.urls.owner) as owner:
        assert owner.execute(f"SELECT count(*) FROM pgmq.a_{NAME}").fetchone() == (0,)


def test_a_refused_hint_may_be_read_again(line):
    publish(line, "look")
    bound(line).get().requeue()
    assert bound(line).get(no_ack=True).decode() == "look"


def test_a_broken_line_is_replaced(installation):
    line = broker.Line(installation.server.urls.jobs)
    with line.connection() as connection:
        pid = connection.info.backend_pid
    with psycopg.connect(installation.server.superuser_url, autocommit=True) as root:
        assert root.execute("SELECT pg_terminate_backend(%s, 5000)", [pid]).fetchone() == (True,)
    with pytest.raises(psycopg.OperationalError), line.connection() as connection:
        connection.execute("SELECT 1")
    with line.connection() as connection:
        assert connection.info.backend_pid != pid
        assert connection.execute("SELECT 1").fetchone() == (1,)
    line.close()


def test_messages_flow_on_after_every_line_was_cut(line, installation):
    publish(line, "before")
    with psycopg.connect(installation.server.superuser_url, autocommit=True) as root:
        root.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'observatory-broker'"
        )
    with contextlib.suppress(psycopg.OperationalError):
        publish(line, "perhaps lost")
    publish(line, "after")
    assert bound(line).get(no_ack=True).decode() == "after"


def test_the_real_queues_cost_no_flush_of_the_disk(installation):
    with psycopg.connect(installation.server.urls.owner) as owner:
        kinds = owner.execute(
            "SELECT relname, relpersistence::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE nspname = 'pgmq' AND relname = ANY(%s)",
            [[f"q_{name}" for name in broker.QUEUES]],
        ).fetchall()
    assert len(kinds) == len(broker.QUEUES)
    assert {kind for _, kind in kinds} == {"u"}


def test_the_web_may_not_touch_the_messages(installation):
    with psycopg.connect(installation.server.urls.app, autocommit=True) as web:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            web.execute("SELECT * FROM pgmq.q_roll")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            web.execute("SELECT pgmq.send('roll', '{}')")


def test_jobs_may_not_make_or_drop_queues(installation):
    with psycopg.connect(installation.server.urls.jobs, autocommit=True) as jobs:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            jobs.execute("SELECT pgmq.create_unlogged('another')")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            jobs.execute("SELECT pgmq.drop_queue('roll')")


def test_the_built_in_broker_declares_nothing():
    assert all(queue.no_declare and queue.exchange.name == "" for queue in broker.configuration("")["task_queues"])


def test_another_broker_needs_no_postgresql():
    redis = broker.configuration("redis://:word@valkey:6379/0")
    assert redis["broker_url"] == "redis://:word@valkey:6379/0"
    assert [queue.name for queue in redis["task_queues"]] == list(broker.QUEUES)
    assert not any(queue.no_declare for queue in redis["task_queues"])


def test_rabbitmq_keeps_the_newest_hint_only():
    queues = broker.configuration("amqp://user:word@rabbit//")["task_queues"]
    assert all(queue.queue_arguments == {"x-max-length": 1} for queue in queues)


def test_without_a_database_the_reason_is_told(monkeypatch):
    monkeypatch.setattr(broker.settings, "JOBS_DATABASE_URL", "")
    monkeypatch.setattr(broker.settings, "DATABASE_PROBLEM", "The database is asleep: start it with make up.")
    with pytest.raises(broker.ImproperlyConfigured, match="start it with make up"):
        Connection(broker.configuration("")["broker_url"]).connect()
