"""What the benchmark posts: bodies made once from the real answers that the demo ships; ids and times are exchanged in place."""

import gzip
import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

ANSWERS = Path(__file__).resolve().parents[2] / "dashboards/demo/data/arena_answers.jsonl.gz"
PROMPT_CHARS, OUTPUT_CHARS = 800, 2_000
ROUND_DIGITS = 8
RANDOM_ID = "0" * 36
DISTINCT = 10_000  # events; after them the texts come again under other ids
SECOND_FORM = "%Y-%m-%dT%H:%M:%S"
FEATURES = ("write-draft", "summarise", "answer", "translate", "classify", "search")
MODELS = ("gpt-4o", "gpt-4o-mini", "claude-3-5-sonnet-20240620", "gemini-1.5-flash", "mistral-large-latest")


@dataclass
class Body:
    """One request's bytes; `times` are where each event's second stands in them.

    `offsets` are where its round number does, or where its whole id does when ids are random.
    """

    content: bytearray
    offsets: tuple[int, ...]
    times: tuple[int, ...]
    has_random_ids: bool = False

    def in_round(self, number: int) -> bytearray:
        """The same events as new ones that happened in this second."""
        digits, second = f"{number:0{ROUND_DIGITS}}".encode(), datetime.now(UTC).strftime(SECOND_FORM).encode()
        for offset in self.offsets:
            fresh = str(uuid4()).encode() if self.has_random_ids else digits
            self.content[offset : offset + len(fresh)] = fresh
        for offset in self.times:
            self.content[offset : offset + len(second)] = second
        return self.content


def bodies(batch: int, *, distinct: int = DISTINCT, prefix: str = "bench", has_random_ids: bool = False) -> list[Body]:
    """Make requests of `batch` events of about 3 kB; a batch of 1 is an object, not an array of one.

    Each prefix has texts of its own. Ids begin with it and ascend in each request, or are UUIDs of pure chance.
    """
    chance, texts = random.Random(prefix), _texts()
    found = []
    for number in range(max(1, distinct // batch)):
        names = (f"{prefix}-{number:04}-{place:04}-r{0:0{ROUND_DIGITS}}" for place in range(batch))
        events = [_event(chance, texts, RANDOM_ID if has_random_ids else name) for name in names]
        content = json.dumps(events if batch > 1 else events[0], ensure_ascii=False, separators=(",", ":")).encode()
        mark, skip = (b'{"id":"', 7) if has_random_ids else (b"-r" + b"0" * ROUND_DIGITS + b'"', 2)
        offsets = _places(content, mark, skip)
        times = _places(content, b'"occurred_at":"', 15)
        assert len(offsets) == len(times) == batch, "a text looks like an id or a time"
        found.append(Body(bytearray(content), offsets, times, has_random_ids))
    return found


def _places(content: bytes, mark: bytes, skip: int) -> tuple[int, ...]:
    """Where the bytes behind each mark begin."""
    found, at = [], -1
    while (at := content.find(mark, at + 1)) >= 0:
        found.append(at + skip)
    return tuple(found)


def _texts() -> list[str]:
    with gzip.open(ANSWERS, "rt", encoding="utf-8") as lines:
        answers = [json.loads(line) for line in lines]
    return [f"{answer['prompt']}\n{answer['output']}" for answer in answers]


def _event(chance: random.Random, texts: list[str], name: str) -> dict[str, Any]:
    return {
        "id": name,
        "occurred_at": f"2000-01-01T00:00:00.{chance.randrange(1_000_000):06}Z",
        "feature": chance.choice(FEATURES),
        "model": chance.choice(MODELS),
        "prompt": _piece(chance, texts, PROMPT_CHARS),
        "output": _piece(chance, texts, OUTPUT_CHARS),
        "latency_ms": chance.randrange(200, 9_000),
        "time_to_first_token_ms": chance.randrange(100, 900),
        "input_tokens": chance.randrange(50, 4_000),
        "output_tokens": chance.randrange(20, 900),
        "user_id": f"user-{chance.randrange(5_000)}",
        "session_id": f"session-{chance.randrange(20_000)}",
        "language": "en",
    }


def _piece(chance: random.Random, texts: list[str], length: int) -> str:
    """A run of real text of about this length."""
    taken = ""
    while len(taken) < length:
        text = chance.choice(texts)
        start = chance.randrange(max(1, len(text) - length // 2))
        taken += text[start : start + length - len(taken)]
    return taken
