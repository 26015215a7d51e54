"""One throw-away installation of the product for a test session: its own PostgreSQL, migrated, with its own web process."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx2

from observatory.embedded.server import Server, start
from tests.harness import memory, prepared

ROOT = prepared.ROOT


def free_port() -> int:
    """A TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Installation:
    """A database server, migrated unless it is to be empty, the environment that leads to it, and the processes on it."""

    def __init__(self, *, is_empty: bool = False) -> None:
        self.folder = memory.enterable("observatory-test-")
        is_migrated = not is_empty and prepared.copy_into(self.folder / "var")
        self.server: Server = start(self.folder / "var")
        self.port = free_port()
        self.environment = {
            **os.environ,
            "DATABASE_URL": self.server.urls.app,
            "DATABASE_JOBS_URL": self.server.urls.jobs,
            "DATABASE_OWNER_URL": self.server.urls.owner,
            "OBSERVATORY_DATA_DIR": str(self.folder / "var"),
            "OBSERVATORY_SECRET_KEY": secrets.token_urlsafe(32),
            "OBSERVATORY_PUBLIC_URL": f"http://127.0.0.1:{self.port}",
            "OBSERVATORY_ALLOWED_WEBHOOK_NETWORKS": "127.0.0.0/8",
            "OBSERVATORY_LOG_LEVEL": "WARNING",
            "DJANGO_SETTINGS_MODULE": "observatory.settings",
            "PORT": str(self.port),
        }
        self.environment.pop("PYTHONDONTWRITEBYTECODE", None)  # dozens of commands need not compile the product anew
        self._children: list[subprocess.Popen[bytes]] = []
        self._web: subprocess.Popen[bytes] | None = None
        if not (is_empty or is_migrated):
            self._migrate()

    @property
    def address(self) -> str:
        """The web process's base address."""
        return f"http://127.0.0.1:{self.port}"

    def command(self, *words: str, role: str = "", timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run one management command as a user would; never raises for its exit code."""
        environment = {**self.environment, **({"OBSERVATORY_ROLE": role} if role else {})}
        if not role:
            environment.pop("OBSERVATORY_ROLE", None)
        return subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def _migrate(self) -> None:
        done = self.command("migrate", "--verbosity", "0")
        if done.returncode:
            raise RuntimeError(f"migrate failed: {done.stderr}")

    def child(self, *words: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start a process on this installation; it is ended with the session."""
        log = (self.folder / f"{len(self._children)}-{Path(words[0]).name}.log").open("wb")
        process = subprocess.Popen(words, cwd=ROOT, env={**self.environment, **environment}, stdout=log, stderr=log)
        self._children.append(process)
        return process

    def web(self) -> str:
        """The address of a running web process, started on first use."""
        if self._web is None:
            self._web = self.web_process("observatory.wsgi:application", self.port)
        return self.address

    def web_process(self, application: str, port: int, **environment: str) -> subprocess.Popen[bytes]:
        """Start a web process for `application` on `port` and wait until it answers."""
        process = self.child(
            sys.executable,
            "-m",
            "granian",
            "--interface",
            "wsgi",
            "--workers",
            "1",
            "--blocking-threads",
            "8",
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            "--no-ws",
            "--log-level",
            "warning",
            application,
            **environment,
        )
        wait_until_answering(f"http://127.0.0.1:{port}/healthz", process)
        return process

    def close(self) -> None:
        """End every process of this installation and remove its files."""
        for process in self._children:
            process.terminate()
        for process in self._children:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
        self.server.discard()
        shutil.rmtree(self.folder, ignore_errors=True)


def wait_until_answering(address: str, process: subprocess.Popen[bytes], seconds: float = 120) -> None:
    """Poll an address until it answers anything; raises when the process ends or time is up."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the process for {address} ended with {process.returncode}")
        try:
            httpx2.get(address, timeout=2)
            return
        except httpx2.TransportError:
            time.sleep(0.05)
    raise RuntimeError(f"{address} did not answer within {seconds} s")
