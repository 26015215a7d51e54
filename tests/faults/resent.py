"""R2: whatever is sent again, reordered, split and raced, at whatever times, each id is stored once and as first sent.

A state machine sends items to a web that is told the time, and knows for each what the answer has to be; at the end of
each sequence the rows are those of its model. Then sixteen threads send the same ids at once.
"""

import http.client
import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import psycopg
from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from tests.faults.campaign import Campaign, Ground, Planted
from tests.faults.planted.told_time import HEADER
from tests.faults.stack import Stack, new_project

SEQUENCES, AT_ONCE = 10_000, 500
STEPS = 10
IDLE_S = 3.0
THREADS, IDS, CHUNK, ROUNDS = 16, 2_000, 400, 10
ZONE = ZoneInfo("Europe/Berlin")
# The database makes no weeks far ahead of its own clock, nor far behind: all happens in the year before today.
TODAY = datetime.now(UTC)
HOURS = [TODAY.replace(minute=0, second=0, microsecond=0) - timedelta(hours=n) for n in range(20 * 24, 360 * 24)]


def _is_edge(at: datetime) -> bool:
    """Whether a month begins, in UTC or where the project is, or its clock is changed."""
    local, before = at.astimezone(ZONE), (at - timedelta(hours=1)).astimezone(ZONE)
    return (at.day, at.hour) == (1, 0) or (local.day, local.hour) == (1, 0) or local.utcoffset() != before.utcoffset()


EDGES = [at for at in HOURS if _is_edge(at)]
STEP_SECONDS = [1, 3_540, 3_600, 86_400, 8 * 86_400, 40 * 86_400]
NUMBERS = st.lists(st.integers(0, 15), min_size=1, max_size=8)
ROWS = """
    SELECT project_id, 'interaction', id FROM interaction WHERE project_id = ANY(%(projects)s)
    UNION ALL SELECT project_id, 'payload', id FROM payload WHERE project_id = ANY(%(projects)s)
    UNION ALL SELECT project_id, 'cost', id FROM cost WHERE project_id = ANY(%(projects)s)
    UNION ALL SELECT project_id, 'key', encode(key, 'hex') FROM record_key WHERE project_id = ANY(%(projects)s)
"""
TABLES = {"interaction": ("interaction", "payload"), "cost": ("cost",)}
Item = dict[str, Any]


@dataclass
class Resent:
    """What came of sending again."""

    sequences: int = 0
    requests: int = 0
    rows: int = 0
    failure: str = ""
    deadlocks: int = 0

    @property
    def is_kept(self) -> bool:
        """Whether each id was stored once, and nobody stood in a circle."""
        return not (self.failure or self.deadlocks)

    def __str__(self) -> str:
        done = f"{self.sequences:,} sequences, " if self.sequences else ""
        said = self.failure or "rows = distinct ids, 0 5xx"
        return f"{done}{self.requests:,} requests, {self.rows:,} rows, {self.deadlocks} deadlocks; {said}"


@dataclass
class Site:
    """The web that sequences are sent to, and the rows that it stored."""

    stack: Stack
    jobs: "psycopg.Connection[tuple[Any, ...]]"
    found: Resent = field(default_factory=Resent)
    crowd: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(4))
    own: threading.local = field(default_factory=threading.local)
    sent: dict[int, list[tuple[str, str]]] = field(default_factory=dict)
    """The kinds and ids that each project must have, and no others."""

    def post(self, key: str, items: Sequence[Item], at: datetime | None = None) -> list[str]:
        """What became of each item. Raises AssertionError for an answer that nobody who sends good items should get."""
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        headers |= {HEADER: at.isoformat()} if at else {}
        connection = self._connection()
        try:
            connection.request("POST", "/api/v1/batch", json.dumps(items), headers)
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            raise
        self.found.requests += 1
        assert answer.status in {200, 207}, f"{answer.status} {text[:300]!r}"
        return [result["status"] for result in json.loads(text)["results"]]

    def _connection(self) -> http.client.HTTPConnection:
        """This thread's own; one that was idle, which the server may have given up, connects again."""
        own, now = self.own, time.monotonic()
        if not hasattr(own, "kept"):
            own.kept = http.client.HTTPConnection("127.0.0.1", self.stack.port, timeout=30)
        elif now - own.used > IDLE_S:
            own.kept.close()
        own.used = now
        kept: http.client.HTTPConnection = own.kept
        return kept

    def count(self) -> None:
        """Compare all rows with what was sent since the last count: one for each id in each of its tables."""
        stored: dict[int, Counter[tuple[str, str]]] = {project: Counter() for project in self.sent}
        for project, table, own in self.jobs.execute(ROWS, {"projects": list(self.sent)}):
            stored[project][table, own] += 1
        for project, items in self.sent.items():
            keys = sorted(key for key in stored[project].elements() if key[0] == "key")
            found = Counter({row: times for row, times in stored[project].items() if row[0] != "key"})
            expected = Counter((table, own) for kind, own in items for table in TABLES[kind])
            self.found.rows += len(keys)
            if found != expected or len(set(keys)) != len(keys) or len(keys) != len(items):
                wrong = (found - expected) + (expected - found)
                self.found.failure = self.found.failure or f"project {project}: {dict(wrong)}, {len(keys)} keys"
        self.sent.clear()


class Sending(RuleBasedStateMachine):
    """Clients of one project with twenty ids and a clock."""

    site: ClassVar[Site]

    @initialize(edge=st.sampled_from(EDGES), before_s=st.sampled_from([0, 1, 600, 7_200]))
    def begin(self, edge: datetime, before_s: int) -> None:
        """Start a little before something happens to the clock."""
        self.project, self.key = new_project(self.site.jobs)
        self.now = self.begun = edge - timedelta(seconds=before_s)
        self.stored: dict[tuple[str, str], Item] = {}
        self.former: list[list[Item]] = []

    def item(self, number: int, variant: int = 0) -> Item:
        """The item of a number: every third a cost, every second with a time of its own."""
        own: Item = {"id": f"id-{number}", "feature": "a"}
        if number % 2:
            own["occurred_at"] = (self.begun - timedelta(hours=7 * number)).isoformat()
        if number % 3 == 2:
            return own | {"type": "cost", "component": "other", "amount_usd": number + variant}
        return own | {"type": "interaction", "prompt": f" p {number} {variant}", "output": "é 🙂\n"}

    def post(self, items: Sequence[Item]) -> None:
        """Send once, and hold the answer against what is stored."""
        expected = []
        for item in items:
            first = self.stored.setdefault((item["type"], item["id"]), item)
            expected.append("created" if first is item else "duplicate" if first == item else "conflict")
        assert self.site.post(self.key, items, self.now) == expected
        self.former.append(list(items))

    @rule(numbers=NUMBERS, variant=st.sampled_from([0, 0, 0, 1]))
    def send(self, numbers: list[int], variant: int) -> None:
        """Send what may be new, may have been sent, may have other contents, and may be in it twice."""
        self.post([self.item(number, variant) for number in numbers])

    @precondition(lambda self: self.former)
    @rule(data=st.data())
    def resend(self, data: st.DataObject) -> None:
        """Send a former request again, in any order."""
        former = data.draw(st.sampled_from(self.former))
        self.post([dict(item) for item in data.draw(st.permutations(former))])

    @precondition(lambda self: self.former)
    @rule(data=st.data())
    def split(self, data: st.DataObject) -> None:
        """Send a former request in two."""
        former = data.draw(st.sampled_from(self.former))
        at = data.draw(st.integers(0, len(former)))
        for part in (former[at:], former[:at]):
            if part:
                self.post([dict(item) for item in part])

    @rule(numbers=st.lists(st.integers(0, 15), min_size=1, max_size=14, unique=True), clients=st.integers(2, 4))
    def race(self, numbers: list[int], clients: int) -> None:
        """Have several clients send the same at once, every other one backwards; one of them stores it."""
        items = [self.item(number) for number in numbers]
        order = [items[:: -1 if client % 2 else 1] for client in range(clients)]
        answers = list(self.site.crowd.map(lambda sent: self.site.post(self.key, sent, self.now), order))
        for item in items:
            said = [answer[sent.index(item)] for sent, answer in zip(order, answers, strict=True)]
            first = self.stored.setdefault((item["type"], item["id"]), item)
            again = "duplicate" if first == item else "conflict"
            expected = ["created"] * (first is item) + [again] * (clients - (first is item))
            assert sorted(said) == sorted(expected), (item["id"], said)
        self.former.append(items)

    @rule(seconds=st.sampled_from(STEP_SECONDS))
    def wait(self, seconds: int) -> None:
        """Let time pass."""
        self.now = min(self.now + timedelta(seconds=seconds), TODAY)

    @rule()
    def wait_for_midnight(self) -> None:
        """Let it become tomorrow where the project is."""
        local = self.now.astimezone(ZONE)
        self.now = min((local.replace(hour=0, minute=0, second=0) + timedelta(days=1)).astimezone(UTC), TODAY)

    def teardown(self) -> None:
        """Leave to be counted what was sent."""
        if hasattr(self, "stored"):
            self.site.sent[self.project] = list(self.stored)
            self.site.found.sequences += 1


@contextmanager
def _site(ground: Ground) -> Iterator[Site]:
    with psycopg.connect(ground.stack.urls.jobs, autocommit=True) as jobs:
        site = Site(ground.stack, jobs)
        before = ground.stack.collisions()
        yield site
        site.crowd.shutdown()
        site.found.deadlocks = ground.stack.collisions() - before


def sequences(ground: Ground) -> Resent:
    """Run the state machine until there are enough sequences or one fails."""
    with _site(ground) as site:
        machine = type("Sending", (Sending,), {"site": site})
        for number in itertools.count(ground.seed * 1_000):
            left = ground.of(SEQUENCES) - site.found.sequences
            if left <= 0:
                break
            _run(seeded(number)(machine), min(left, AT_ONCE), site.found)
            site.count()
            if site.found.failure:
                break
            ground.say(f"  {site.found.sequences:,}")
    return site.found


def _run(machine: type[Sending], count: int, found: Resent) -> None:
    quiet = settings(
        max_examples=count, stateful_step_count=STEPS, phases=[Phase.generate], database=None, deadline=None,
        suppress_health_check=list(HealthCheck), print_blob=False,
    )  # fmt: skip
    try:
        run_state_machine_as_test(machine, settings=quiet)
    except Exception as error:
        steps = " ".join(" ".join(getattr(error, "__notes__", [])).split())
        found.failure = f"{type(error).__name__}: {str(error)[:500]} {steps[:1_500]}"


def race(ground: Ground) -> Resent:
    """Sixteen threads send the same 2,000 ids, half of them backwards; some rounds of it."""
    with _site(ground) as site:
        for _ in range(ground.of(ROUNDS)):
            _race(site)
    return site.found


def _race(site: Site) -> None:
    project, key = new_project(site.jobs)
    items = [{"type": "interaction", "id": str(n), "feature": "a", "prompt": "p"} for n in range(IDS)]
    together = threading.Barrier(THREADS)

    def send(number: int) -> int:
        created = 0
        together.wait()
        for at in range(0, IDS, CHUNK):
            said = site.post(key, items[at : at + CHUNK][:: -1 if number % 2 else 1])
            assert set(said) <= {"created", "duplicate"}
            created += said.count("created")
        return created

    with ThreadPoolExecutor(THREADS) as crowd:
        try:
            created = sum(crowd.map(send, range(THREADS)))
            assert created == IDS, f"{created} of {IDS} called created"
        except AssertionError as error:
            site.found.failure = str(error)[:300]
    site.sent[project] = [("interaction", str(item["id"])) for item in items]
    site.count()


CAMPAIGN = Campaign(
    "R2",
    {"sequences": sequences, "race": race},
    {
        "keyed_by_receipt": Planted(sequences, lambda found: bool(found.failure), share=0.02),
        "unsorted_keys": Planted(race, lambda found: found.deadlocks),
    },
    beside=("told_time",),
)
