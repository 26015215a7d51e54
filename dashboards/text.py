"""Texts for display: fenced code told from prose, chat messages from their JSON, and word diffs. Pure."""

import json
import re
from dataclasses import dataclass

from ingest.corrections import UNSPACED, changes

FENCE = re.compile(r"^```[^\n`]*$", re.MULTILINE)
WORDS = re.compile(rf"[{UNSPACED}]|[^\W{UNSPACED}]+|[^\s\w]")
FOLD = 1_200


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


WITHHELD = "Text not stored by policy"


@dataclass(frozen=True)
class Message:
    """One message of the conversation; the note stands in place of a text that was not stored."""

    role: str
    blocks: tuple[Block, ...]
    folded: bool
    length: int
    note: str = ""


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


def withheld(role: str, text_hash: str, length: int | None = None) -> Message:
    """In place of a message whose text the project's policy dropped; its hash tells whether two were equal."""
    size = f" It had {length:,} characters." if length is not None else ""
    return Message(role, (), False, length or 0, f"{WITHHELD}.{size} Hash {text_hash}.")


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


def word_diff(before: str, after: str) -> tuple[list[Piece], list[Piece]]:
    """Both sides of a diff by words and signs; blanks belong to the word before them.

    Of very long texts, stretches that differ may be shown as a whole.
    """
    old, new = _cut_at_words(before), _cut_at_words(after)
    left: list[Piece] = []
    right: list[Piece] = []
    for part in changes([one.strip() for one in old], [one.strip() for one in new]):
        for pieces, said, word in (
            (left, "".join(old[part.i1 : part.i2]), "del"),
            (right, "".join(new[part.j1 : part.j2]), "ins"),
        ):
            if said:
                pieces.append(Piece("same" if part.is_same else word, said))
    return left, right


def _cut_at_words(text: str) -> list[str]:
    """The text in pieces that each begin with a word or a sign; what stands before the first belongs to it."""
    starts = [found.start() for found in WORDS.finditer(text)]
    if not starts:
        return [text] if text else []
    return [text[start:end] for start, end in zip([0, *starts[1:]], [*starts[1:], len(text)], strict=True)]
