"""The one shape of every campaign: parts that the product as it is has to keep, and planted bugs that must be noticed.

A part does something to a running product and says what it found. A planted bug is tried by the same means, on a web
that has it; the campaign is worth nothing unless the findings then say so.
"""

import random
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from tests.faults.stack import DATABASE, WEB, WORKERS, Stack

Say = Callable[[str], None]
T = TypeVar("T")


class Found(Protocol):
    """What came of a part; as text, its figures."""

    @property
    def is_kept(self) -> bool:
        """Whether the promise was kept."""


@dataclass
class Ground:
    """Where a campaign takes place, and how much of it: `share` 1 is the full form."""

    stack: Stack
    share: float = 1.0
    seed: int = 1
    say: Say = print
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    def of(self, full: int) -> int:
        """The share of a full count, at least one."""
        return max(1, round(full * self.share))

    def some(self, everything: Iterable[T]) -> Iterator[T]:
        """The share of a full list: every so-many-th."""
        step = max(1, round(1 / self.share))
        return (one for number, one in enumerate(everything) if number % step == self.seed % step)

    def serve(self, *bugs: str) -> None:
        """Have a fresh web with these planted bugs, its database, and no other part."""
        self.stack.halt([WEB, *WORKERS])
        self.stack.plant(*bugs)
        self.stack.start([DATABASE, WEB])


Part = Callable[[Ground], Found]


@dataclass(frozen=True)
class Planted:
    """One planted bug: what is done under it, and how much of the damage was seen."""

    attempt: Part
    noticed: Callable[[Any], float]
    share: float = 1.0


@dataclass(frozen=True)
class Campaign:
    """All of one promise. Names of parts and of planted bugs are those that `--only` takes.

    `beside` are modules of `planted` that are no bugs: what the web of this campaign has of the harness.
    """

    promise: str
    parts: Mapping[str, Part]
    planted: Mapping[str, Planted]
    beside: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """What can be asked for, the promise itself first."""
        return [self.promise, *self.parts, *self.planted]


def wage(campaign: Campaign, ground: Ground, only: Collection[str] = ()) -> Iterator[str]:
    """Do what is asked of a campaign, saying each thing's figures; gives the names of what was not as it must be."""
    wanted = set(only) or {campaign.promise}
    for name, part in campaign.parts.items():
        if wanted & {campaign.promise, name}:
            began = time.monotonic()
            ground.serve(*campaign.beside)
            found = part(ground)
            _tell(ground, f"{campaign.promise} {name}: {'kept' if found.is_kept else 'BROKEN'}", found, began)
            if not found.is_kept:
                yield name
    for name, planted in campaign.planted.items():
        if wanted & {campaign.promise, name}:
            began = time.monotonic()
            found = tried(campaign, name, ground)
            is_noticed = planted.noticed(found) > 0 and not found.is_kept
            word = "noticed" if is_noticed else "NOT NOTICED"
            _tell(ground, f"{campaign.promise} planted {name}: {word}", found, began)
            if not is_noticed:
                yield name


def tried(campaign: Campaign, name: str, ground: Ground) -> Found:
    """What is found under a planted bug."""
    planted = campaign.planted[name]
    ground.serve(name, *campaign.beside)
    return planted.attempt(Ground(ground.stack, planted.share, ground.seed, ground.say))


def _tell(ground: Ground, verdict: str, found: Found, began: float) -> None:
    ground.say(f"{verdict}: {found} ({time.monotonic() - began:.0f} s)")
