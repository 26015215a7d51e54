"""The lowest point of a function of a few numbers, by the downhill simplex of Nelder and Mead (1965). Pure.

In plain Python on purpose: the process that counts would carry 50 MB more for a library that does this.
"""

from collections.abc import Callable, Sequence

Point = tuple[float, ...]
Function = Callable[[Sequence[float]], float]

STEP = 0.5
"""How far the first corners lie apart."""
TURNS = 400
FLAT = 1e-7
"""Corners whose values differ by this share, or less, lie in a valley that is flat enough."""


def lowest(function: Function, start: Sequence[float]) -> tuple[Point, float]:
    """Where the function is lowest near `start`, and its value there: a local minimum, after `TURNS` turns at most."""
    corners = sorted(((point, function(point)) for point in _first(start)), key=lambda corner: corner[1])
    for _ in range(TURNS):
        if corners[-1][1] - corners[0][1] <= FLAT * abs(corners[0][1]):
            break
        corners = sorted(_turned(function, corners), key=lambda corner: corner[1])
    return corners[0]


def _first(start: Sequence[float]) -> list[Point]:
    begin = tuple(start)
    return [
        begin,
        *(tuple(x + STEP * (place == moved) for place, x in enumerate(begin)) for moved in range(len(begin))),
    ]


def _turned(function: Function, corners: list[tuple[Point, float]]) -> list[tuple[Point, float]]:
    """The corners with the highest one mirrored, stretched or drawn in; all of them drawn in where that is no better."""
    *kept, (worst, height) = corners
    middle = tuple(sum(xs) / len(kept) for xs in zip(*(point for point, _ in kept), strict=True))

    def tried(share: float) -> tuple[Point, float]:
        point = tuple(m + share * (w - m) for m, w in zip(middle, worst, strict=True))
        return point, function(point)

    mirrored = tried(-1.0)
    if mirrored[1] < kept[0][1]:
        return [*kept, min(mirrored, tried(-2.0), key=lambda corner: corner[1])]
    if mirrored[1] < kept[-1][1]:
        return [*kept, mirrored]
    inner = tried(-0.5 if mirrored[1] < height else 0.5)
    if inner[1] < min(mirrored[1], height):
        return [*kept, inner]
    best = kept[0][0]
    shrunk = [tuple((b + x) / 2 for b, x in zip(best, point, strict=True)) for point, _ in corners[1:]]
    return [kept[0], *((point, function(point)) for point in shrunk)]
