"""Texts for display: fenced code told from prose, chat messages from their JSON, and word diffs. Pure."""

import difflib
import json
import re
from dataclasses import dataclass

FENCE = re.compile(r"^```[^\n`]*$", re.MULTILINE)
WORDS = re.compile(r"\s+|[^\s\w]|\w+")
FOLD = 1_200
LONGEST_DIFF = 4_000
"""Words above which a diff is not attempted: difflib's time grows with their square."""


@dataclass(frozen=True)
class Block:
    """A stretch of prose or of fenced code."""

    text: str
    is_code: bool = False


def blocks(text: str) -> list[Block]:
    """Cut a text at its code fences; every character but the fence lines is kept."""
    parts = FENCE.split(text)
    found = []
    for index, part in enumerate(parts):
        is_code = index % 2 == 1
        shown = part.strip("\n") if is_code else part.removeprefix("\n") if index else part
        if shown:
            found.append(Block(shown, is_code))
    return found


@dataclass(frozen=True)
class Message:
    """One message of the conversation."""

    role: str
    blocks: tuple[Block, ...]
    folded: bool
    length: int


def message(role: str, text: str) -> Message:
    """A message, folded when it is long."""
    return Message(role, tuple(blocks(text)), len(text) > FOLD, len(text))


def messages(text: str, role: str, is_messages: bool) -> list[Message]:
    """The messages of a prompt or output: chat messages when it was sent as such, else one."""
    if not is_messages:
        return [message(role, text)]
    try:
        sent = json.loads(text)
    except ValueError:
        return [message(role, text)]
    return [message(str(one.get("role", role)).capitalize(), content_of(one)) for one in sent if isinstance(one, dict)]


def content_of(sent: dict[str, object]) -> str:
    """The text of a chat message: its content, its parts' texts, or the message itself as JSON."""
    content = sent.get("content")
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        texts = [part.get("text") if isinstance(part, dict) else part for part in content]
        return "\n".join(
            text if isinstance(text, str) else json.dumps(part, ensure_ascii=False)
            for text, part in zip(texts, content, strict=True)
        )
    return json.dumps(sent, ensure_ascii=False)


@dataclass(frozen=True)
class Piece:
    """A stretch of one side of a diff: `same`, `del` or `ins`."""

    kind: str
    text: str


def word_diff(before: str, after: str) -> tuple[list[Piece], list[Piece]] | None:
    """Both sides of a diff by words and signs; None when the texts are too long to compare while a page waits."""
    old, new = WORDS.findall(before), WORDS.findall(after)
    if len(old) + len(new) > LONGEST_DIFF:
        return None
    left: list[Piece] = []
    right: list[Piece] = []
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if i2 > i1:
            left.append(Piece("same" if tag == "equal" else "del", "".join(old[i1:i2])))
        if j2 > j1:
            right.append(Piece("same" if tag == "equal" else "ins", "".join(new[j1:j2])))
    return left, right
