"""The names in a query string: known ones, each once. Pure."""

from collections.abc import Iterable
from typing import NamedTuple

from django.http import QueryDict

LONGEST_NAME = 100


class Refused(NamedTuple):
    """What is wrong with a parameter, in words, and what is `allowed`: values, or the rule that it breaks."""

    text: str
    parameter: str
    allowed: tuple[str, ...]


def refused(parameters: QueryDict, known: Iterable[str]) -> Refused | None:
    """The first parameter that is not known here or comes more than once; None when every one can be read.

    A filter that is misspelt, or the first of two, must not look like one that holds.
    """
    names = tuple(known)
    for name, values in parameters.lists():
        short = name[:LONGEST_NAME]
        if name not in names:
            there_are = f"there are {', '.join(names)}" if names else "there are none here"
            return Refused(f"unknown parameter {short!r}; {there_are}", short, names)
        if len(values) > 1:
            return Refused(f"{name} is given {len(values)} times: give it once, with one value", name, ("one value",))
    return None
