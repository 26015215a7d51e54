"""Events whose whole content follows from their id, so that a stored row can be judged by its id alone."""

import hashlib
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

WORDS = (
    *("refund", "late", "", "price", "naïve", "Größe", "価格", "ответ", "🙂", '"quoted"', "'single'", "back\\slash"),
    *(
        "<b>tag</b>",
        "{brace}",
        "100%",
        "comma,",
        "semi;",
        "tab\there",
        "line\nbreak",
        "carriage\r\nreturn",
        "null",
        "NULL",
    ),
    *("\u2028", "e\u0301", "zero\u200bwidth"),
)
EDGES = ("", " ", "\n", "  \t", "\r\n")


def event(event_id: str, *, now: datetime | None = None) -> dict[str, Any]:
    """One interaction as a client sends it. Given `now`, it happened within the two days before; else at receipt."""
    chance = random.Random(event_id)
    sent: dict[str, Any] = {
        "id": event_id,
        "feature": chance.choice(("chat", "search", "write-draft")),
        "model": "gpt-4o-mini",
        "prompt": _text(chance, 8),
        "output": _text(chance, 24),
        "input_tokens": chance.randrange(1, 5_000),
        "output_tokens": chance.randrange(1, 5_000),
        "latency_ms": chance.randrange(100, 9_000),
        "user_id": f"user-{chance.randrange(200)}",
    }
    if now is not None:
        sent["occurred_at"] = (now - timedelta(seconds=chance.randrange(2 * 86_400))).astimezone(UTC).isoformat()
    return sent


def digest(prompt: str | None, output: str | None, input_tokens: int | None, output_tokens: int | None) -> str:
    """The hash of what must be stored exactly as sent."""
    parts = [repr(part).encode() for part in (prompt, output, input_tokens, output_tokens)]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def digest_of(sent: dict[str, Any]) -> str:
    """The hash of an event as it is sent."""
    return digest(sent["prompt"], sent["output"], sent["input_tokens"], sent["output_tokens"])


def _text(chance: random.Random, words: int) -> str:
    """Words that are easily spoilt on the way, with edges that somebody might trim."""
    body: Sequence[str] = chance.choices(WORDS, k=words)
    return chance.choice(EDGES) + " ".join(body) + chance.choice(EDGES)
