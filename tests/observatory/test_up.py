"""`manage.py up` from nothing, killed as hard as can be, and up again."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from observatory.embedded import place
from observatory.embedded.processes import working_in
from tests.harness import memory
from tests.harness.installation import free_port

ROOT = Path(__file__).resolve().parents[2]


class Product:
    """One `make up` after another on the same data directory."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE_", "OBSERVATORY_"))}
        self.environment = {**kept, "PORT": str(self.port), "OBSERVATORY_DATA_DIR": str(data_dir)}

    def up(self) -> list[str]:
        """Start; give what it said until its three closing lines."""
        command = [sys.executable, "manage.py", "up"]
        self.process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, text=True)
        said: list[str] = []
        assert self.process.stdout is not None
        for line in self.process.stdout:
            said.append(line.rstrip())
            if line.startswith("Next"):
                break
        return said

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a management command beside it."""
        command = [sys.executable, "manage.py", *words]
        return subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False)

    def processes(self) -> set[int]:
        """Everything that runs on this data directory, told by what it was started with."""
        mark = f"OBSERVATORY_DATA_DIR={self.data_dir}".encode()
        found = place.existing(self.data_dir)
        ours = working_in(found.cluster) if found else set()
        for folder in Path("/proc").iterdir():
            try:
                if folder.name.isdigit() and mark in (folder / "environ").read_bytes().split(b"\0"):
                    ours.add(int(folder.name))
            except OSError:
                continue
        return ours

    def is_gone(self, seconds: float = 15) -> bool:
        """Whether nothing of it is left, now or soon."""
        deadline = time.monotonic() + seconds
        while self.processes() and time.monotonic() < deadline:
            time.sleep(0.1)
        return not self.processes()

    def readiness(self) -> int:
        """What /readyz answers."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=10) as answer:
            return int(answer.status)


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    folder = memory.enterable("observatory up ")
    made = Product(folder / "var")
    yield made
    if made.process.poll() is None:
        made.process.kill()
        made.process.wait()
    made.is_gone()
    shutil.rmtree((folder / "var/database").resolve(), ignore_errors=True)
    shutil.rmtree(folder)


@pytest.mark.fault
def test_from_nothing_to_three_lines_through_a_kill_9_and_back(product):
    """One story rather than many tests: each step needs the one before, and a start costs seconds."""
    said = product.up()
    assert [line.split()[0] for line in said[-3:]] == ["Open", "Sign", "Next"], said
    assert said[-3].endswith(f"http://localhost:{product.port}")
    (key,) = re.findall(r"obs_live_\w+", "\n".join(said))
    (password,) = re.findall(r"admin's password +(\S+)", "\n".join(said))
    assert product.readiness() == 200
    assert len(product.processes()) >= 6  # supervisor, granian and its worker, two workers, beat; and PostgreSQL

    beside = product.command("showmigrations", "--plan")
    assert (beside.returncode, "[ ]" in beside.stdout) == (0, False), beside.stderr
    second = product.command("up")
    assert (second.returncode, second.stderr.count("\n")) == (1, 1)
    assert f"port {product.port} on 127.0.0.1 is in use" in second.stderr

    product.process.send_signal(signal.SIGKILL)
    product.process.wait()
    assert product.is_gone()
    asleep = product.command("showmigrations")
    assert asleep.returncode == 1
    assert "start it with make up" in asleep.stderr
    assert "Traceback" not in asleep.stderr

    said = product.up()
    assert "the password shown at the first start" in said[-2]
    assert key not in "\n".join(said)
    assert password not in "\n".join(said)
    assert product.readiness() == 200

    product.process.send_signal(signal.SIGINT)
    assert product.process.wait(20) == 0
    assert product.is_gone(0)
