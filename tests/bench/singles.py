"""Single posts from many connections, driven by wrk; beside them the same server when it stores nothing.

wrk comes from the system's packages. Where it is missing and cannot be installed, this part says so and is left out.
"""

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psycopg

from observatory.embedded import attach, place
from observatory.embedded.secret import secret_key
from tests.bench import copying
from tests.bench.bodies import bodies
from tests.faults.stack import Stack
from tests.harness.installation import ROOT, free_port

CONNECTIONS, THREADS, SECONDS, WARM_UP_SECONDS = 32, 2, 12, 3
DISTINCT = 200
LARGE_POSTS = 15

SCRIPT = """
local texts = {{ {texts} }}
local sent, own = 0, tostring({{}}):sub(8)
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer {key}"
{delay}
function request()
  sent = sent + 1
  local head = '{{"id":"' .. own .. "-" .. os.time() .. "-" .. sent .. '",'
  return wrk.format(nil, nil, nil, head .. texts[sent % #texts + 1])
end
function done(summary, latency)
  local errors = summary.errors
  print(string.format('{{"requests": %d, "seconds": %.3f, "p50_ms": %.2f, "p99_ms": %.2f, "refused": %d}}',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    errors.status + errors.connect + errors.read + errors.write + errors.timeout))
end
"""


@dataclass(frozen=True)
class Singles:
    """One run of wrk."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    refused: int

    @property
    def rate(self) -> float:
        """Answers per second."""
        return self.requests / self.seconds


@dataclass(frozen=True)
class Compared:
    """Single posts as fast as they go, what the same server answers when it stores nothing, and posts at half the rate."""

    stored: Singles
    nothing: Singles
    at_half: Singles
    large_ms: float
    """The median answer to one interaction with 1 MiB of text."""
    alone_ms: float
    """What PostgreSQL alone takes to store that text: a median too."""


def measure(stack: Stack, key: str) -> Compared | None:
    """Drive the product and the server that stores nothing in turns; None without wrk."""
    program = wrk()
    if program is None:
        print("NO WRK, AND NONE COULD BE INSTALLED: SINGLE POSTS FROM MANY CONNECTIONS ARE LEFT OUT", flush=True)
        return None
    drive(program, stack.folder, stack.port, key, seconds=WARM_UP_SECONDS)
    stored = drive(program, stack.folder, stack.port, key)
    with storing_nothing(stack) as port:
        drive(program, stack.folder, port, key, seconds=WARM_UP_SECONDS)
        nothing = drive(program, stack.folder, port, key)
    at_half = drive(program, stack.folder, stack.port, key, pause_ms=pause_for(stored.rate / 2))
    return Compared(stored, nothing, at_half, large_ms(stack.port, key), alone_ms(stack.superuser_url))


def large_text() -> str:
    """1 MiB of real text."""
    return "".join(json.loads(body.content)["output"] for body in bodies(1, distinct=600, prefix="large"))[:1_048_576]


def large_ms(port: int, key: str) -> float:
    """The median of several posts of one interaction with 1 MiB of real text, in milliseconds."""
    text, taken = large_text(), []
    with httpx2.Client(headers={"x-api-key": key}, timeout=30) as client:
        for number in range(LARGE_POSTS):
            content = json.dumps({"feature": "write-draft", "id": f"large-{time.time_ns()}-{number}", "output": text})
            began = time.perf_counter()
            answer = client.post(f"http://127.0.0.1:{port}/api/v1/interactions", content=content.encode())
            taken.append(1000 * (time.perf_counter() - began))
            if answer.status_code != 200:
                raise RuntimeError(answer.text[:500])
    return statistics.median(taken)


def alone_ms(superuser_url: str) -> float:
    """The median of inserting such a text into the same table, each in a transaction of its own, in milliseconds."""
    text, taken = large_text(), []
    with psycopg.connect(superuser_url, autocommit=True) as superuser:
        for number in range(LARGE_POSTS):
            began = time.perf_counter()
            superuser.execute(
                "INSERT INTO payload (project_id, occurred_at, id, output) VALUES (%s, now(), %s, %s)",
                [copying.FIRST_PROJECT, f"large-{number}", text],
            )
            taken.append(1000 * (time.perf_counter() - began))
    return statistics.median(taken)


def wrk() -> str | None:
    """The program's path; installed from the system's packages where that is possible."""
    if not shutil.which("wrk") and shutil.which("apt-get") and os.geteuid() == 0:
        subprocess.run(["apt-get", "install", "-y", "-qq", "wrk"], capture_output=True, check=False)
    return shutil.which("wrk")


def drive(program: str, folder: Path, port: int, key: str, *, seconds: int = SECONDS, pause_ms: int = 0) -> Singles:
    """Post single events for so long. Raises RuntimeError when one of them was refused."""
    script = folder / "single.lua"
    delay = f"function delay() return {pause_ms} end" if pause_ms else ""
    script.write_text(SCRIPT.format(texts=_bodies(), delay=delay, key=key))
    address = f"http://127.0.0.1:{port}/api/v1/interactions"
    words = [
        program,
        f"-t{THREADS}",
        f"-c{CONNECTIONS}",
        f"-d{seconds}s",
        "--timeout",
        "10s",
        "-s",
        str(script),
        address,
    ]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    found = re.search(r"^\{.*\}$", done.stdout, re.MULTILINE)
    assert found, done.stdout + done.stderr
    singles = Singles(**json.loads(found.group()))
    if singles.refused:
        raise RuntimeError(f"{singles.refused} of {singles.requests} single posts were refused")
    return singles


@contextmanager
def storing_nothing(stack: Stack) -> Iterator[int]:
    """Run a second web process beside the product's, which stores nothing of what it is sent; gives its port."""
    port, found = free_port(), place.existing(stack.data_dir)
    assert found is not None
    own = {"PORT": str(port), "OBSERVATORY_SECRET_KEY": secret_key(stack.data_dir)}
    environment = {**stack.environment, **attach.variables(found, stack.data_dir), **own}
    environment.pop("DATABASE_OWNER_URL", None)
    words = [sys.executable, "-m", "tests.faults.planted", "nothing_stored"]
    child = subprocess.Popen(words, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            with suppress(httpx2.TransportError):
                if httpx2.get(f"http://127.0.0.1:{port}/healthz", timeout=2).status_code == 200:
                    break
            time.sleep(0.1)
        yield port
    finally:
        child.terminate()
        child.wait(30)


def pause_for(rate: float) -> int:
    """How many milliseconds each connection has to wait between posts so that all together make this rate."""
    return max(1, round(1000 * CONNECTIONS / rate))


def _bodies() -> str:
    """The ends of the posts as Lua strings: what batches post too, without its id and time."""
    ends = []
    for body in bodies(1, distinct=DISTINCT, prefix="single"):
        event = json.loads(body.content)
        del event["id"], event["occurred_at"]
        ends.append(json.dumps(event, ensure_ascii=False, separators=(",", ":"))[1:])
    return ",\n".join(f"[==[{end}]==]" for end in ends if "]==]" not in end)
