"""The three real processes: they do every duty, and neither a kill nor a flushed or broken broker stops the work."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import psycopg
import pytest

from observatory.queues import QUEUES
from tests.harness.installation import Installation

pytestmark = pytest.mark.fault


class Jobs:
    """An installation of its own with its job processes, and what their beats say."""

    def __init__(self) -> None:
        self.installation = Installation()
        self.processes = {name: self.begin(name) for name in ("measure", "tell", "beat")}

    def begin(self, name: str) -> subprocess.Popen[bytes]:
        return self.installation.child(
            sys.executable, "-m", "observatory.jobs", name,
            OBSERVATORY_ALIVE_FILE=str(self.installation.folder / f"alive-{name}"),
        )  # fmt: skip

    def restart(self, name: str, number: int) -> float:
        """End one process by a signal, start it again and give the seconds its end took."""
        began = time.monotonic()
        self.processes[name].send_signal(number)
        self.processes[name].wait(15)
        took = time.monotonic() - began
        self.processes[name] = self.begin(name)
        return took

    def ask(self, sql: str) -> list[tuple]:
        with psycopg.connect(self.installation.server.superuser_url, autocommit=True) as root:
            return root.execute(sql).fetchall()

    def beats_after(self, instant) -> set[str]:
        return {duty for duty, at in self.ask("SELECT duty, beat_at FROM duty_beat") if at > instant}

    def now(self):
        return self.ask("SELECT now()")[0][0]

    def wait_for(self, duties: set[str], seconds: float = 30) -> None:
        """Wait until each of these duties has beaten anew."""
        since, deadline = self.now(), time.monotonic() + seconds
        while missing := duties - self.beats_after(since):
            assert time.monotonic() < deadline, f"no beat of {missing}; {self.log()}"
            time.sleep(0.2)

    def log(self) -> str:
        return "".join(path.read_text()[-1500:] for path in sorted(self.installation.folder.glob("*.log")))


@pytest.fixture(scope="module")
def jobs() -> Iterator[Jobs]:
    made = Jobs()
    try:
        yield made
    finally:
        made.installation.close()


TICKING = {"roll", "evaluate", "dispatch"}


def flush(jobs: Jobs) -> None:
    for queue in QUEUES:
        jobs.ask(f"DELETE FROM pgmq.q_{queue} RETURNING 1")


def cut(jobs: Jobs) -> None:
    jobs.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'observatory-%'")


def test_all_five_duties_beat_soon_after_the_start(jobs):
    since, deadline = jobs.now(), time.monotonic() + 30
    while len(jobs.beats_after(since)) < 5:
        assert time.monotonic() < deadline, f"only {jobs.beats_after(since)}; {jobs.log()}"
        time.sleep(0.2)


def test_each_process_shows_that_it_does_its_work(jobs):
    for name in jobs.processes:
        assert time.time() - (jobs.installation.folder / f"alive-{name}").stat().st_mtime < 20


def test_messages_do_not_pile_up(jobs):
    for queue in QUEUES:
        assert jobs.ask(
            f"SELECT (SELECT count(*) FROM pgmq.q_{queue}) <= 2, (SELECT count(*) FROM pgmq.a_{queue})"
        ) == [(True, 0)]


@pytest.mark.parametrize("harm", [flush, cut])
def test_work_goes_on_after_the_broker_was(jobs, harm: Callable[[Jobs], None]):
    harm(jobs)
    jobs.wait_for(TICKING, seconds=90)  # the delay that is promised (R8)


def test_work_goes_on_after_everything_was_killed(jobs):
    for name in jobs.processes:
        jobs.restart(name, signal.SIGKILL)
    jobs.wait_for(TICKING)


def test_a_process_ends_politely_within_a_few_seconds(jobs):
    assert {name: took for name in jobs.processes if (took := jobs.restart(name, signal.SIGTERM)) > 6} == {}
