"""The message broker: by default the product's own PostgreSQL, through kombu's pgmq transport.

A message is a hint ("look now"), never the work itself. So the newest hint of a queue stands for all that wait with it:
publishing drops them, a queue never holds more than one waiting message, and no outage makes it grow.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import psycopg
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from kombu import Queue
from kombu.transport import TRANSPORT_ALIASES, pgmq
from pgmq import PGMQueue
from psycopg import sql

from ingest.driver.connections import PatientConnection
from observatory.queues import QUEUES

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

VISIBILITY_TIMEOUT_S = 600
POLLING_INTERVAL_S = 0.5
CONNECTION: dict[str, Any] = {
    "autocommit": True,
    "application_name": "observatory-broker",
    "connect_timeout": 3,
    "patience_s": 20.0,
    "options": "-c statement_timeout=10000 -c lock_timeout=5000 -c idle_in_transaction_session_timeout=30000",
}


class Line:
    """What the pgmq client takes for its pool: one connection without threads, made anew once it is broken."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.Connection[Any] | None = None

    @contextmanager
    def connection(self) -> Iterator[psycopg.Connection[Any]]:
        """Lend the connection. Raises psycopg.OperationalError when PostgreSQL cannot be reached."""
        if self._connection is None or self._connection.closed:
            self._connection = PatientConnection.connect(self._url, **CONNECTION)
        yield self._connection

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()


class Channel(pgmq.Channel):
    """A channel whose queues hold one waiting hint."""

    def _put(self, queue: str, message: dict[str, Any], **_: object) -> None:
        """Publish a hint in place of those that still wait; the ones being worked on are invisible and stay."""
        name = self._queue_name(queue)
        forget = sql.SQL("DELETE FROM pgmq.{} WHERE vt <= clock_timestamp()").format(sql.Identifier(f"q_{name}"))
        line = cast("Line", self.pgmq.pool)
        with line.connection() as connection, connection.transaction():
            connection.execute(forget)
            self.pgmq.send(name, message, conn=connection, **self._pgmq_send_kwargs(message))


class Transport(pgmq.Transport):
    """kombu's pgmq transport on our own connection.

    The pgmq package rebuilds a connection string from host, port, name, user and password alone: it loses the socket
    folder of `?host=`, TLS options and deadlines, and breaks on a blank. Its pool leaves threads behind when kombu
    drops a broken transport.
    """

    Channel = Channel

    def _create_pgmq_client(self) -> PGMQueue:
        if not settings.JOBS_DATABASE_URL:
            raise ImproperlyConfigured(settings.DATABASE_PROBLEM or "DATABASE_JOBS_URL is not set")
        return PGMQueue(
            conn_string=settings.JOBS_DATABASE_URL,  # never dialled; without it the client reads DATABASE_URL
            vt=VISIBILITY_TIMEOUT_S,
            init_extension=False,
            pool=cast("ConnectionPool", Line(settings.JOBS_DATABASE_URL)),
        )

    def drain_events(self, connection: object, timeout: float | None = None, **_: object) -> None:
        """Wait for messages, in short turns so that a worker notices soon that it shall end."""
        turn = min(timeout or POLLING_INTERVAL_S, POLLING_INTERVAL_S)
        super().drain_events(connection, timeout=turn)  # type: ignore[no-untyped-call]  # kombu has no types here

    def close_connection(self, connection: object) -> None:
        """Close the channels and the line, which the client takes for somebody else's."""
        client = self._pgmq_client
        super().close_connection(connection)
        if client is not None and client.pool is not None:
            client.pool.close()


TRANSPORT_ALIASES["postgresql"] = "observatory.broker:Transport"


def configuration(broker_url: str) -> Mapping[str, Any]:
    """Celery's settings of the broker: PostgreSQL when `broker_url` is empty, else Redis or AMQP as it says."""
    if not broker_url:
        return {
            "broker_url": "postgresql://localhost",  # a name only: the transport has its own URL
            "broker_transport_options": {
                "visibility_timeout": VISIBILITY_TIMEOUT_S,
                "wait_time_seconds": 0,
                "polling_interval": POLLING_INTERVAL_S,
                "use_notify": False,
            },
            "task_queues": [Queue(name, routing_key=name, no_declare=True) for name in QUEUES],
        }
    # The limit is RabbitMQ's way to keep the newest hint only; Redis has none and ignores it.
    newest = {"x-max-length": 1}
    is_amqp = broker_url.startswith("amqp")
    return {
        "broker_url": broker_url,
        "broker_transport_options": {} if is_amqp else {"visibility_timeout": VISIBILITY_TIMEOUT_S},
        "task_queues": [Queue(name, routing_key=name, queue_arguments=newest if is_amqp else None) for name in QUEUES],
    }
