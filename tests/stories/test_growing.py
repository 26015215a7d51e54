"""The second-server form: three URLs, the documented SQL for the roles, and a broker of its own; on real servers."""

import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from tests.harness import memory
from tests.harness.elsewhere import PostgreSQL, Redis, postgres_of, redis_program, skip_loudly
from tests.harness.installation import ROOT, free_port
from tests.harness.matrix import signed_in

ROLLED_WITHIN_S = 40


class Product:
    """`manage.py up` on servers that are somebody else's."""

    def __init__(self, elsewhere: dict[str, str]) -> None:
        self.folder = memory.enterable("observatory-growing-")
        self.port = free_port()
        self.address = f"http://localhost:{self.port}"
        kept = {"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "PORT": str(self.port)}
        self.environment = {**kept, **elsewhere, "OBSERVATORY_DATA_DIR": str(self.folder / "var")}
        self.log = self.folder / "log"

    def up(self) -> str:
        """Start; gives what it said until its closing lines."""
        words = [sys.executable, "manage.py", "up"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                words,
                cwd=ROOT,
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        assert self.process.stdout is not None
        said = ""
        for line in self.process.stdout:
            said += line
            if line.startswith("Next"):
                return said
        raise RuntimeError(f"it ended: {said} {self.log.read_text()[-2000:]}")

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a management command beside it."""
        return subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def down(self) -> None:
        """Stop as Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(30) == 0, self.log.read_text()[-2000:]

    def close(self) -> None:
        """End it, however it stands, and remove its files."""
        if hasattr(self, "process") and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture(scope="module", params=[16, 17], ids=lambda major: f"PostgreSQL {major}")
def server(request: pytest.FixtureRequest) -> Iterator[PostgreSQL]:
    programs = postgres_of(request.param)
    if programs is None:
        skip_loudly(f"POSTGRESQL {request.param}")
    one = PostgreSQL(programs)
    yield one
    one.close()


@pytest.fixture
def broker() -> Iterator[Redis]:
    program = redis_program()
    if program is None:
        skip_loudly("VALKEY OR REDIS")
    one = Redis(program)
    yield one
    one.close()


def until(holds, seconds: float = ROLLED_WITHIN_S) -> float:
    """Wait until something holds; the seconds it took."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds, "it never came"
        time.sleep(0.2)
    return time.monotonic() - began


def calls(product: Product, key: str) -> float:
    answer = httpx2.get(f"{product.address}/api/v1/metrics/calls?window=7d", headers={"x-api-key": key}, timeout=10)
    return answer.json()["value"] or 0


def post(product: Product, key: str, count: int, name: str) -> None:
    at = datetime.now(UTC) - timedelta(seconds=20)  # what is older than two minutes is counted once a minute
    items = [
        {
            "id": f"{name}-{number}",
            "feature": "write-draft",
            "occurred_at": at.isoformat(),
            "prompt": "Hi",
            "latency_ms": 9,
        }
        for number in range(count)
    ]
    answer = httpx2.post(f"{product.address}/api/v1/interactions", json=items, headers={"x-api-key": key}, timeout=10)
    assert answer.json()["created"] == count, answer.text


@pytest.mark.fault
def test_the_whole_product_on_a_second_server_and_then_with_a_broker_beside_it(server, broker):
    """One story: the same data first with PostgreSQL as the broker, then with Redis or Valkey."""
    product = Product(server.environment)
    try:
        said = product.up()
        (key,) = re.findall(r"obs_live_\w+", said)
        (password,) = re.findall(r"admin's password +(\S+)", said)
        assert not (product.folder / "var/database").exists()
        assert server.ask("SHOW server_version_num").startswith(("16", "17"))

        post(product, key, 30, "first")
        until(lambda: calls(product, key) == 30)
        page = signed_in(product.address, "admin", password).get("/my-product/interactions/?range=24h").text
        assert "write-draft" in page
        done = product.command("verify_rollups", "--all")
        assert done.returncode == 0, done.stdout + done.stderr
        product.down()

        product.environment |= broker.environment
        assert "obs_live_" not in product.up()
        post(product, key, 12, "second")
        until(lambda: calls(product, key) == 42)
        assert broker.calls().get("brpop", 0) > 0
        assert broker.calls().get("lpush", 0) > 0
        broker.client.flushall()  # a broker that forgets everything costs a tick, no work
        post(product, key, 5, "third")
        until(lambda: calls(product, key) == 47)
        product.down()
        assert server.ask("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'observatory%'") == "0"
    finally:
        product.close()


def test_one_url_alone_is_refused_in_one_line():
    product = Product({"DATABASE_URL": "postgresql://observatory_app:x@127.0.0.1:1/observatory"})
    try:
        done = product.command("up")
        assert done.returncode == 1
        assert done.stderr.strip() == (
            "Observatory cannot start: DATABASE_URL is set, so DATABASE_OWNER_URL and DATABASE_JOBS_URL must be set too."
        )
    finally:
        product.close()
