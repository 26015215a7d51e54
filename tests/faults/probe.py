"""What one request costs a web process: seconds until its answer, and memory beyond what the process has at rest."""

import contextlib
import http.client
import json
import os
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from tests.faults.planted.gives_back import SWEEP
from tests.faults.stack import WEB, Stack

TRIES = 5
GIVE_UP_S = 60.0
WARM_UP = 40
LONGEST_NAME = 120
MILLION = 1_000_000
Body = bytes | Iterable[bytes]
"""Pieces travel as chunks."""
PACE_BODY = zlib.compress(b"[" + b"1," * MILLION + b"1]", 1)
PACE_S = 0.08
"""What inflating and reading that takes of a processor whose other half is idle; beside other work it takes up to twice."""


@dataclass(frozen=True)
class Answer:
    """An answer and what it took; `mib` is the process's peak above its rest, `work_s` its processor time in hundredths.

    Of what was asked again `work_s` is what it takes at `PACE_S`.
    """

    status: int
    body: bytes
    seconds: float
    mib: float
    work_s: float = 0.0


@dataclass
class Seen:
    """All that a probe asked: how many, how they were answered, and the dearest of them by name.

    `slowest` is as its sender sees it, `hardest` what the web worked for it.
    """

    requests: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    slowest: tuple[float, str] = (0.0, "")
    hardest: tuple[float, str] = (0.0, "")
    heaviest: tuple[float, str] = (0.0, "")
    errors: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        said = f"; {len(self.errors)} errors, {self.errors[0]}" if self.errors else ""
        return (
            f"{self.requests:,} requests, {dict(sorted(self.statuses.items()))}, slowest {1000 * self.slowest[0]:.0f} ms"
            f" ({self.slowest[1]}), most work {1000 * self.hardest[0]:.0f} ms ({self.hardest[1]}), heaviest {self.heaviest[0]:.0f} MiB ({self.heaviest[1]}){said}"
        )


class Probe:
    """Asks one after the other a web that has `planted/gives_back` and nothing else to do meanwhile.

    What takes more than `longest_s` of work or `heaviest_mib` is asked again a few times, and the quickest and the lightest
    count, with its work weighed against a known piece of work beside it: a busy machine is slow now and then, a dear input
    every time. Memory is counted from what the process has at the beginning; from the second try on, and always if the probe
    `sweeps`, from what it has before the request when all that is free was given back.
    """

    def __init__(self, stack: Stack, key: str, longest_s: float, heaviest_mib: float, *, sweeps: bool = False) -> None:
        self.seen = Seen()
        self._longest_s, self._heaviest_mib, self._sweeps = longest_s, heaviest_mib, sweeps
        self._stack, self._key = stack, key
        self._pid = stack.pids(WEB)[-1]
        self._connection = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=GIVE_UP_S)
        self._rest_mib = 0.0

    def __enter__(self) -> Self:
        for _ in range(WARM_UP):
            self._send("POST", "/api/v1/interactions", b'[{"feature":"warm","prompt":"up"}]', {})
        self._rest_mib = self._memory("VmRSS")
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        if self._stack.pids(WEB)[-1:] != [self._pid]:
            self.seen.errors.append("the web process is another one")

    def ask(
        self, method: str, path: str, body: Body = b"", name: str = "", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Ask at an address of the API, and note what it cost."""
        return self.watch(lambda: self._send(method, f"/api/v1/{path}", body, headers or {}), name or path)

    def once(self, method: str, path: str, body: Body, headers: Mapping[str, str]) -> int:
        """Ask without a note; the status alone."""
        return self._send(method, f"/api/v1/{path}", body, headers)[0]

    def watch(self, send: Callable[[], tuple[int, bytes]], name: str) -> Answer:
        """Note what something costs that gives a status and a body."""
        tries = [self._cost(send, sweeps=self._sweeps)]
        while not self._is_cheap(tries[-1]) and len(tries) < TRIES:
            before = _slowness()
            again = self._cost(send, sweeps=True)
            tries.append(replace(again, work_s=again.work_s / max(1.0, (before + _slowness()) / 2)))
        answer = replace(
            tries[0],
            seconds=min(one.seconds for one in tries),
            mib=min(one.mib for one in tries),
            work_s=min(one.work_s for one in tries),
        )
        self.note(answer, name)
        return answer

    def _is_cheap(self, answer: Answer) -> bool:
        return answer.work_s <= self._longest_s and answer.mib <= self._heaviest_mib

    def note(self, answer: Answer, name: str) -> None:
        """Count an answer."""
        seen, name = self.seen, name[:LONGEST_NAME]
        seen.requests += 1
        seen.statuses[answer.status] += 1
        seen.slowest = max(seen.slowest, (answer.seconds, name))
        seen.hardest = max(seen.hardest, (answer.work_s, name))
        seen.heaviest = max(seen.heaviest, (answer.mib, name))
        if answer.status >= 500 or not answer.status:
            seen.errors.append(f"{answer.status} for {name}: {answer.body[:200]!r}")

    def _cost(self, send: Callable[[], tuple[int, bytes]], *, sweeps: bool) -> Answer:
        if sweeps:
            self._send("GET", SWEEP, b"", {})
        rest = self._memory("VmRSS") if sweeps else self._rest_mib
        Path(f"/proc/{self._pid}/clear_refs").write_text("5")  # forget the peak
        work, began = self._work_s(), time.perf_counter()
        status, text = send()
        seconds = time.perf_counter() - began
        return Answer(status, text, seconds, self._memory("VmHWM") - rest, self._work_s() - work)

    def _work_s(self) -> float:
        """The processor time of the web process so far."""
        user, system = Path(f"/proc/{self._pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def _send(self, method: str, path: str, body: Body, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Ask; once more on a fresh connection, for what was answered before its body was read ends the old one."""
        told = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json", **headers}
        failure = b""
        for _ in range(2):
            try:
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    self._connection.request(method, path, body, told)
                answer = self._connection.getresponse()
                return answer.status, answer.read()
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                failure = repr(error).encode()
        return 0, failure

    def _memory(self, field_name: str) -> float:
        lines = Path(f"/proc/{self._pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(field_name)) / 1024


def _slowness() -> float:
    """How many times `PACE_S` a known piece of work takes just now."""
    began = time.process_time()
    json.loads(zlib.decompress(PACE_BODY))
    return (time.process_time() - began) / PACE_S
