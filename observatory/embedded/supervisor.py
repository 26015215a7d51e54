"""Keep a handful of processes alive together: one's death ends all, and none outlives us."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from observatory.embedded.processes import bound_to_parent, on_wish_to_stop

CHECKOUT = Path(__file__).resolve().parents[2]
# What the product consists of, as `python -m …`; observatory.jobs says what the workers serve.
CHILDREN: Mapping[str, Sequence[str]] = {
    "web": ("observatory.embedded.web",),
    "measure": ("observatory.jobs", "measure"),
    "tell": ("observatory.jobs", "tell"),
    "beat": ("observatory.jobs", "beat"),
}
STOP_SECONDS = 10
# With an arena for every thread, glibc keeps what each of them once needed: 40 MB more in a web process after some load.
MEMORY = {"MALLOC_ARENA_MAX": "2", "MALLOC_TRIM_THRESHOLD_": "131072"}
GLANCE_SECONDS = 0.2


@dataclass(frozen=True)
class Ending:
    """Why the product stopped: a person asked for it, or one part ended by itself."""

    wanted: bool
    reason: str


def spawn(arguments: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start `python -m …` in a session of its own, killed by the kernel if we die. Main thread only."""
    return subprocess.Popen(
        [sys.executable, "-m", *arguments],
        cwd=CHECKOUT,
        env={**MEMORY, **environment},
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        start_new_session=True,
        preexec_fn=bound_to_parent(signal.SIGKILL),  # noqa: PLW1509 (one system call, no locks)
    )


class Supervisor:
    """Starts children, waits for the first reason to stop, stops them. `base_lives` watches the database."""

    def __init__(self, base_lives: Callable[[], bool]) -> None:
        self._base_lives = base_lives
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._requests = 0  # a plain number: whatever has a lock may be holding it when the signal comes

    def listen(self) -> None:
        """Take signals as the wish to stop."""
        on_wish_to_stop(self._on_signal)

    def start(self, table: Mapping[str, Sequence[str]], environment: Mapping[str, str]) -> None:
        """Start every child of the table."""
        for name, arguments in table.items():
            self._children[name] = spawn(arguments, environment)

    def ending(self) -> Ending | None:
        """Tell why to stop now, or None to go on."""
        if self._requests:
            return Ending(True, "stopping as asked")
        for name, child in self._children.items():
            if child.poll() is not None:
                return Ending(False, f"{name} ended {_manner(child.returncode)}")
        return None if self._base_lives() else Ending(False, "the database ended")

    def watch(self, until: Callable[[], bool] = lambda: False) -> Ending | None:
        """Wait for the first reason to stop; None as soon as `until` holds."""
        while not until():
            if ending := self.ending():
                return ending
            time.sleep(GLANCE_SECONDS)
        return self.ending()

    def stop(self) -> None:
        """Ask every child to end, and kill what has not done so in time; a second Ctrl-C skips the wait."""
        for child in self._living():
            child.send_signal(signal.SIGTERM)
        deadline, asked = time.monotonic() + STOP_SECONDS, self._requests
        while self._living() and time.monotonic() < deadline and self._requests == asked:
            time.sleep(0.05)
        for child in self._living():
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()

    def _living(self) -> list[subprocess.Popen[bytes]]:
        return [child for child in self._children.values() if child.poll() is None]

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._requests += 1


def _manner(code: int) -> str:
    return f"by signal {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
