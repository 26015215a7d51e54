"""Why an item or a body cannot be stored, in words that let its sender mend it. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from ingest.contract import Document
from ingest.kinds import EXPECTED

JSON_WORDS = {
    "str": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "array": "array",
    "object": "object",
    "null": "null",
    "list": "array",
    "dict": "object",
    "NoneType": "null",
}
LONGEST_ECHO = 60
OUT_OF_RANGE = "a number out of range"
_GOT = re.compile(r"got `(\w+)`")
_PATH = re.compile(r" - at `(\$[^`]*)`$")
_MISSING = re.compile(r"^Object missing required field `([^`]+)`")
_BOUND = re.compile(r"^Expected `(?:int|float)` (<=|<|>=|>) (\S+)")
_STEP = re.compile(r"\.([A-Za-z_]\w*)|\[(\d+)\]")
_SIGNS = {"<=": "≤", ">=": "≥", "<": "<", ">": ">"}


class Malformed(Exception):
    """A body of which nothing can be used; `title` and the message go into the answer."""

    status = 400
    title = "Malformed body"
    headers: Mapping[str, str] = {}
    more: Mapping[str, Any] = {}
    """Further members of the answer."""


class TooLarge(Malformed):
    """A body beyond the limits."""

    status = 413
    title = "Content too large"


@dataclass(frozen=True)
class Problem:
    """One expectation that an item misses. `path` is a JSON path inside the item, `$` being the item itself."""

    path: str
    expected: str
    got: str


class Unusable(Exception):
    """An item that cannot be stored."""

    def __init__(self, path: str, expected: str, got: str) -> None:
        super().__init__(path)
        self.problem = Problem(path, expected, got)


def explain(error: msgspec.ValidationError, struct: type[msgspec.Struct], sent: object) -> Problem:
    """Put msgspec's first complaint about what should have fitted `struct` into the contract's words.

    `sent` is the same as plain JSON values where it could be decoded at all, else None.
    """
    text = str(error)
    found = _PATH.search(text)
    path = found[1].replace("[...]", "[*]") if found else "$"
    missing = _MISSING.match(text)
    if missing:
        path = f"{path}.{missing[1]}"
    expected = _expected(struct, path)
    bound = _BOUND.match(text)
    if bound and f"{_SIGNS[bound[1]]} {float(bound[2]):g}" not in expected:
        expected = f"a number {_SIGNS[bound[1]]} {float(bound[2]):g}"
    got = _GOT.search(text)
    return Problem(path, expected, "nothing" if missing else _got(got[1] if got else "", sent, path))


def echo(value: object) -> str:
    """What was sent, short enough to be told back."""
    if isinstance(value, str):
        return repr(value) if len(value) <= LONGEST_ECHO else f"a string of {len(value)} characters"
    if isinstance(value, dict | list):
        return "object" if isinstance(value, dict) else "array"
    text = str(value)
    return text if len(text) <= LONGEST_ECHO else f"a number of {len(text)} digits"


def _expected(struct: type[msgspec.Struct], path: str) -> str:
    if path == "$":
        return "an object"
    steps = [step[1] for step in _STEP.finditer(path) if step[1]]
    if not steps:
        return "numbers that JSON readers can hold"
    if "documents" in steps[:-1]:
        return EXPECTED[Document].get(steps[-1], "an object")
    if steps[0] in {"prompt", "output"} and path != f"$.{steps[0]}":
        return "a list of chat messages, each an object"
    return EXPECTED[struct].get(steps[0], "something else")


def _got(type_name: str, sent: object, path: str) -> str:
    if type_name:
        return JSON_WORDS.get(type_name, type_name)
    value = _value_at(sent, path)
    return OUT_OF_RANGE if value is _NOTHING else echo(value)


_NOTHING: Any = object()


def _value_at(sent: object, path: str) -> Any:
    value = sent
    for step in _STEP.finditer(path):
        try:
            value = value[step[1] or int(step[2])]  # type: ignore[index]  # whatever was sent; the miss is caught
        except (KeyError, IndexError, TypeError):
            return _NOTHING
    return _NOTHING if sent is None else value
