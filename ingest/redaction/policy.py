"""What a project has decided about the texts of its items, carried out: stored in full, masked, or only as hashes. Pure.

| | masked | hashed |
|---|---|---|
| prompt, output, error_message | masked | dropped: hash, length, descriptors, marks of the output's words |
| final_text, comment, reason, description | masked | dropped: hash, the final text's words enciphered |
| texts in metadata, in unknown fields and in retrieval | masked | each replaced by its hash, `hmac:…` |
| title and note of a change | masked | masked |

Ids, labels, dimensions and numbers are nobody's text and stay, but for a whole number in metadata that is a card's, or
is called a telephone's; so does, among metadata, why a model stopped. Names of fields are masked, never hashed.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from ingest import corrections, tokens
from ingest.contract import Item
from ingest.descriptors import Descriptors, describe
from ingest.dimensions import Flag
from ingest.redaction import hashing
from ingest.redaction.masking import mask, mask_number
from ingest.text import LONGEST, Cut, as_bytes, as_text, free, is_holdable, repair

FULL, MASKED, HASHED = "full", "masked", "hashed"
FAILED = "[masked: masker failed]"
HASH_MARK = "hmac:"
TEXT_HASH = "text_hash"
"""Name of a text → its hash: in the metadata of what has no columns for hashes."""

PRIVATE = ("prompt", "output", "error_message", "final_text", "comment", "reason", "description")
DEEP = ("metadata", "retrieval")
ANNOUNCED = ("title", "note")
# Why a model stopped is a word of its provider's, and says that an output was cut off.
_ENDING, _WORD = re.compile("(?:finish|stop)_?reasons?", re.IGNORECASE), re.compile("[A-Za-z_]{1,40}")
# Card numbers and API keys have at least as many signs: shorter names that a program could use need no look.
SHORTEST_SECRET = 13
COMPARED = ("output", "final_text")
COUNTED = {"prompt": "input_tokens", "output": "output_tokens"}
MEASURED = frozenset({"prompt", "output", "error_message", "final_text"})
TOKENS_A_MESSAGE = 4

Masker = Callable[[str, str], str]
"""The operator's own: (text, name of the field it stands in) → text."""


class Policy(msgspec.Struct, frozen=True):
    """What is done, the project's key for hashes, and the operator's own masker."""

    mode: str
    key: bytes = b""
    own: Masker | None = None


class Kept(msgspec.Struct):
    """What is stored of an item's texts beside themselves: of those dropped or masked the length that they had.

    `cuts` are what long texts were before they were masked. `failure` names the exception of the operator's masker.
    """

    flags: int = 0
    hashes: dict[str, bytes] = {}
    characters: dict[str, int] = {}
    cuts: dict[str, Cut] = {}
    word_marks: bytes | None = None
    descriptors: str | None = None
    failure: str | None = None


class Redacted(NamedTuple):
    """An item and its unknown fields as they may be stored, and what is kept of its texts besides."""

    item: Any
    extras: dict[str, Any] | None
    kept: Kept | None = None


def redacted(item: Item, extras: dict[str, Any] | None, policy: Policy, key: bytes = b"") -> Redacted:
    """Carry the policy out on one item; `key` is that of its record."""
    if policy.mode == FULL:
        return Redacted(item, extras)
    work = _Work(policy, item, key)
    changes = {}
    for field in _fields(type(item)):
        value = getattr(item, field)
        if value:
            better = work.of(value, field)
            if better != value:
                changes[field] = better
    if extras:
        extras = work.of(extras, "metadata")
    kept = work.kept()
    if kept and kept.hashes and "prompt" not in item.__struct_fields__:
        extras = {**(extras or {}), TEXT_HASH: {field: found.hex() for field, found in kept.hashes.items()}}
    return Redacted(replace(item, **changes) if changes else item, extras, kept)


@lru_cache
def _fields(kind: type[Item]) -> tuple[str, ...]:
    """The fields of a kind of item in which texts stand."""
    return tuple(field for field in (*PRIVATE, *DEEP, *ANNOUNCED) if field in kind.__struct_fields__)


class _Work:
    """One item's texts under a policy."""

    def __init__(self, policy: Policy, item: Item, key: bytes) -> None:
        self._policy, self._item, self._key = policy, item, key
        self._is_hashed = policy.mode == HASHED
        self._descriptors: dict[str, Descriptors] = {}
        self._kept = Kept()

    def kept(self) -> Kept | None:
        """What is stored besides; None when nothing was changed."""
        if self._descriptors:
            self._kept.descriptors = msgspec.json.encode(self._descriptors).decode()
        return self._kept if self._kept.flags else None

    def of(self, value: Any, field: str) -> Any:
        """What of a field's value may be stored."""
        if self._is_hashed and field in PRIVATE:
            return self._dropped(value, field)
        better = self._inside(value, field, "")
        if field in MEASURED and better != value:
            self._measure(as_text(value), as_text(better), field)
        return better

    def _measure(self, sent: str, masked: str, field: str) -> None:
        """What a masked text was, for when it has to be cut: this comes first, so that no secret is cut in two."""
        self._kept.characters[field] = len(sent)
        if len(masked) * 4 > LONGEST:
            hashed = hashing.text_hash(self._policy.key, sent).hex()
            self._kept.cuts[field] = Cut(len(sent), len(as_bytes(sent)), hmac=hashed)

    def _dropped(self, value: str | list[Any], field: str) -> None:
        text = as_text(value)
        plain = text if isinstance(value, str) else corrections.said(text) or ""
        self._kept.flags |= Flag.TEXT_HASHED
        self._kept.hashes[field] = hashing.text_hash(self._policy.key, text)
        self._kept.characters[field] = len(text)
        words = corrections.words(plain) if field in (*COMPARED, *COUNTED) else []
        if field in COMPARED:
            self._kept.word_marks = self._marks(field, hashing.word_tokens(self._policy.key, words))
        if field in COUNTED:
            is_counted = getattr(self._item, COUNTED[field]) is not None
            messages = 0 if isinstance(value, str) else len(value)
            estimated = None if is_counted else tokens.estimate(plain) + TOKENS_A_MESSAGE * messages
            self._descriptors[field] = describe(plain, words, estimated)

    def _marks(self, field: str, tokens: bytes) -> bytes:
        """What is kept of an output's words is its interaction's own; of a correction's, until it is known which is meant."""
        if field == "output":
            return hashing.word_marks(self._policy.key, self._key, tokens)
        return hashing.sealed(self._policy.key, tokens)

    def _inside(self, value: Any, field: str, name: str) -> Any:
        """A value of JSON, or a text alone; `name` is that of the field around it."""
        kind = value.__class__
        if kind is str:
            if self._is_hashed and field in DEEP:
                return self._hashed(value, name)
            return self._masked(value, field, f"{name}: " if name else "")
        if kind is list:
            return [self._inside(one, field, name) for one in value]
        if kind is dict:
            return self._object(value, field)
        return self._number(value, name) if kind is int else value

    def _object(self, value: dict[str, Any], field: str) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key, one in value.items():
            name = key if len(key) < SHORTEST_SECRET and key.isidentifier() else self._masked(key, field)
            is_id = field == "retrieval" and key == "id"
            made[free(name, made, "′")] = one if is_id else self._inside(one, field, key)
        return made

    def _number(self, value: int, name: str) -> int | str:
        better = mask_number(value, name)
        if better != value:
            self._kept.flags |= Flag.TEXT_MASKED
        return better

    def _hashed(self, text: str, name: str) -> str:
        if not text or (_ENDING.fullmatch(name) and _WORD.fullmatch(text)):
            return text
        self._kept.flags |= Flag.TEXT_HASHED
        return HASH_MARK + hashing.text_hash(self._policy.key, text).hex()

    def _masked(self, text: str, field: str, before: str = "") -> str:
        better = mask(text, before)
        if self._policy.own:
            better = self._by_operator(better, field, self._policy.own)
        if better != text:
            self._kept.flags |= Flag.TEXT_MASKED
        return better

    def _by_operator(self, text: str, field: str, own: Masker) -> str:
        """What the operator's masker makes of a text. When it fails, the text may hold anything: it is not stored."""
        try:
            better = own(text, field)
            if not isinstance(better, str):
                raise TypeError("a masker returns a text")
        except Exception as error:
            self._kept.failure = type(error).__name__
            return FAILED
        return better if is_holdable(better) else repair(better)
