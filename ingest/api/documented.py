"""What the API's description says of a view beyond what its code says by itself. Pure.

A view may carry `documented`, one entry a method. Without one it is described all the same: by its address, its
docstring, its scope and, where it takes items, by their kinds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Documented:
    """`summary` in a few words; `query`: parameter → what it does; `answer`: the type of a good answer's body.

    A tuple of types: a body of one of them. `body`: the type of what is sent where that is no items, with an example. A body
    that is not JSON has no type, and says its `media_type`.
    `refusals` are statuses beyond those that its address, its parameters and its items bring with them.
    """

    summary: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    answer: Any = None
    status: int = 200
    body: Any = None
    example: Mapping[str, Any] = field(default_factory=dict)
    media_type: str = "application/json"
    refusals: tuple[int, ...] = ()


LIMIT = "how many at most, 1 to 200; 50 unless told"
CURSOR = "`next` of the page before, unchanged"
