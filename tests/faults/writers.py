"""Apps that give rollers a hard time: events out of order and of days long past, feedback, costs, corrections and retries.

What they are told is noted only as far as R5 needs it; that nothing acknowledged is lost is R1's.
"""

import http.client
import itertools
import json
import random
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

FEATURES = ("chat", "search", "write-draft")
MODELS = ("gpt-4o-mini", "gpt-4o", "no-such-model")
USERS = 60
ANSWER_S = 15
AGAIN_S = 0.1
DONE = {200, 202, 207}
Item = dict[str, Any]


@dataclass
class Story:
    """What the writers of one project share. `frozen_at`: from when on they also send what lies before the raw horizon.

    `earliest` is after every horizon that there will be; `known` are interactions that were stored, `bare` those of them
    that miss their tokens and user.
    """

    port: int
    key: str
    earliest: datetime
    horizon: datetime | None = None
    known: list[str] = field(default_factory=list)
    bare: list[str] = field(default_factory=list)
    late: set[str] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)
    sent: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    stopping: threading.Event = field(default_factory=threading.Event)

    def note(self, items: Sequence[Item]) -> None:
        """Remember what was stored."""
        with self.lock:
            self.sent += len(items)
            for item in items:
                if item["type"] == "interaction" and item["id"].startswith("late"):
                    self.late.add(item["id"])
                elif item["type"] == "interaction":
                    self.known.append(item["id"])
                    if "user_id" not in item:
                        self.bare.append(item["id"])


class Writer(threading.Thread):
    """One app. It sends again until it is answered, and now and then although it was."""

    def __init__(self, name: str, story: Story, batch: int, pause_s: float) -> None:
        super().__init__(name=name, daemon=True)
        self._story, self._batch, self._pause_s = story, batch, pause_s
        self._chance = random.Random(name)
        self._numbers = itertools.count()
        self._connection: http.client.HTTPConnection | None = None

    def run(self) -> None:
        """Go on until told to stop; the last request may stay without an answer."""
        while not self._story.stopping.is_set():
            if self._story.bare and self._chance.random() < 0.15:
                self.correct(self._chance.choice(self._story.bare))
            else:
                self.post(self.items())
            time.sleep(self._chance.random() * 2 * self._pause_s)
        self._hang_up()

    def items(self) -> list[Item]:
        """A batch: new interactions, and what is said and paid about them or about older ones."""
        chance = self._chance
        items = [self.interaction(self.some_time()) for _ in range(chance.randrange(1, self._batch + 1))]
        own = [item["id"] for item in items if not item["id"].startswith("late")]
        about = own + chance.sample(self._story.known, min(len(self._story.known), 4))
        for about_id in chance.sample(about, min(len(about), 5)):
            items.append(self.thumb(about_id) if chance.random() < 0.7 else self.cost(about_id))
        chance.shuffle(items)
        return items

    def interaction(self, at: datetime | None, *, user: str = "") -> Item:
        """One call; every tenth without user and tokens, which are said later or never."""
        chance, horizon = self._chance, self._story.horizon
        is_late = at is not None and horizon is not None and at < horizon
        item: Item = {
            "type": "interaction",
            "id": f"{'late-' if is_late else ''}{self.name}-{next(self._numbers)}",
            "feature": chance.choice(FEATURES),
            "model": chance.choice(MODELS),
            "status": "error" if chance.random() < 0.1 else "ok",
            "latency_ms": chance.randrange(50, 9_000),
            "input_tokens": chance.randrange(1, 5_000),
        }
        if user or chance.random() < 0.9:
            item |= {"user_id": user or f"user-{chance.randrange(USERS)}", "output_tokens": chance.randrange(1, 900)}
        if at is not None:
            item["occurred_at"] = at.isoformat()
        return item

    def some_time(self) -> datetime | None:
        """Mostly now; then minutes, hours or days ago, on both sides of the raw horizon."""
        chance, now, draw = self._chance, datetime.now(UTC), self._chance.random()
        if draw < 0.35:
            return None
        if draw < 0.8:
            return now - timedelta(seconds=chance.randrange(600 if draw < 0.6 else 3 * 3_600))
        if draw < 0.9:
            return now - timedelta(hours=24, seconds=chance.randrange(20 * 3_600))
        if draw < 0.96 or self._story.horizon is None:
            return self._story.earliest + chance.random() * (now - self._story.earliest)
        return self._story.horizon - timedelta(seconds=chance.randrange(3_600, 60 * 3_600))

    def thumb(self, about: str) -> Item:
        """What a user made of a call; the later one counts."""
        value = self._chance.choice(("up", "up", "down"))
        said = {"type": "feedback", "kind": "thumb", "value": value, "interaction_id": about}
        return said | {"id": f"f-{self.name}-{next(self._numbers)}"}

    def cost(self, about: str) -> Item:
        """What was paid for a call: instead of what was computed, or besides."""
        component = self._chance.choice(("model_tokens", "retrieval"))
        amount = self._chance.randrange(1, 10_000) / 1_000_000
        said = {"type": "cost", "component": component, "amount_usd": amount, "interaction_id": about}
        return said | {"id": f"c-{self.name}-{next(self._numbers)}"}

    def correct(self, about: str) -> None:
        """Say what was left out of a call."""
        user, tokens = f"user-{self._chance.randrange(USERS)}", self._chance.randrange(1, 900)
        self._insist("PATCH", f"/api/v1/interactions/{about}", {"user_id": user, "output_tokens": tokens})

    def post(self, items: Sequence[Item]) -> None:
        """Store a batch."""
        if self._insist("POST", "/api/v1/batch", list(items)):
            self._story.note(items)

    def erase(self, user: str) -> bool:
        """Ask for the erasure of a user."""
        return self._insist("DELETE", f"/api/v1/users/{user}", None)

    def _insist(self, method: str, path: str, body: Any) -> bool:
        """Send until it is answered; now and then again, or hanging up before the answer. Whether it was taken."""
        while True:
            status, text = self._ask(method, path, body)
            if status in DONE:
                break
            if status not in {0, 404, 410, 429, 503}:
                self._story.refused.append(f"{method} {path}: {status} {text[:200]!r}")
            if status in {404, 410} or self._story.stopping.is_set():
                return False
            time.sleep(AGAIN_S)
        if self._chance.random() < 0.05:
            self._ask(method, path, body)
        return True

    def _ask(self, method: str, path: str, body: Any) -> tuple[int, bytes]:
        """Status and body; status 0 when the connection broke, or when this app did not wait."""
        headers = {"Authorization": f"Bearer {self._story.key}", "Content-Type": "application/json"}
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection("127.0.0.1", self._story.port, timeout=ANSWER_S)
            self._connection.request(method, path, None if body is None else json.dumps(body), headers)
            if self._chance.random() < 0.02:
                self._hang_up()
                return 0, b""
            answer = self._connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            self._hang_up()
            return 0, b""

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@contextmanager
def writing(story: Story, count: int, *, batch: int, pause_s: float) -> Iterator[None]:
    """Let so many apps write while the block runs, and wait for them to end."""
    crowd = [Writer(f"w{number}", story, batch, pause_s) for number in range(count)]
    for writer in crowd:
        writer.start()
    try:
        yield
    finally:
        story.stopping.set()
        for writer in crowd:
            writer.join(ANSWER_S + 5)
