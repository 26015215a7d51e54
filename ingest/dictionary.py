"""The project's dictionary: values of dimensions and their numbers, given on first sight and kept for ever."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from django.db import connection

from ingest import timeline
from ingest.dimensions import ABSENT, FIRST, OTHER, Dimension
from ingest.models import DimensionValue
from ingest.projects.models import Feature
from ingest.projects.scope import current_project, project_scope
from ingest.text import is_holdable

Pair = tuple[Dimension, str]
LOCK_SPACE = 7303
MOST_PROJECTS_KEPT = 1_000
MOST_NAMED = 50
"""So many values of a dimension are listed where one is not known."""


class _Known:
    """What this process has learned of one project's dictionary. Numbers never change, so nothing here gets old."""

    def __init__(self) -> None:
        self.numbers: dict[Pair, int] = {}
        self.full: set[Dimension] = set()

    def lacks(self, pair: Pair) -> bool:
        return pair not in self.numbers and pair[0] not in self.full


_known: dict[int, _Known] = {}


def numbers(
    project_id: int, wanted: Mapping[Dimension, Collection[str]], *, now: datetime | None = None
) -> dict[Pair, int]:
    """Give the numbers of these values; new values enter the dictionary, in a transaction of their own.

    A value of a dimension that is full is `OTHER`. New features get their `Feature` row with the same number.
    """
    known = _known_of(project_id)
    pairs = _pairs(wanted)
    missing = [pair for pair in pairs if known.lacks(pair)]
    if missing:
        learned = _learn(project_id, missing, now or timeline.now())
        if connection.in_atomic_block:  # an outer transaction may still be undone, so nothing is remembered
            return {pair: learned.numbers.get(pair, known.numbers.get(pair, OTHER)) for pair in pairs}
        known.numbers.update(learned.numbers)
        known.full.update(learned.full)
    return {pair: known.numbers.get(pair, OTHER) for pair in pairs}


def known(project_id: int, wanted: Mapping[Dimension, Collection[str]]) -> dict[Pair, int]:
    """Give the numbers that these values have already; nothing enters the dictionary, what it lacks is `ABSENT`."""
    kept = _known_of(project_id).numbers
    found = {pair: kept.get(pair, ABSENT) for pair in _pairs(wanted)}
    for dimension in wanted:
        missing = [value for of, value in found if of is dimension and (of, value) not in kept]
        if missing:
            with project_scope(project_id):
                rows = DimensionValue.objects.filter(dimension=dimension, value__in=missing)
                found |= {(dimension, value): number for value, number in rows.values_list("value", "number")}
    return found


def values(dimension: Dimension) -> dict[int, str]:
    """Number → value of one dimension, in the project in scope."""
    return dict(DimensionValue.objects.filter(dimension=dimension).values_list("number", "value"))


def number_of(dimension: Dimension, value: str) -> int | None:
    """The number of a value, in the project in scope; None when the dictionary does not have it."""
    if not is_holdable(value):
        return None
    return DimensionValue.objects.filter(dimension=dimension, value=value).values_list("number", flat=True).first()


def unknown(dimension: Dimension, value: str, among: Iterable[str]) -> tuple[str, str, list[str]]:
    """What to say of a value that a dimension does not have: in words, the dimension's name, and some that it has."""
    what, some = dimension.name.lower(), sorted(among)[:MOST_NAMED]
    return f"no {what} {value[:100]!r}; there are {', '.join(some) or 'none yet'}", what, some


def _known_of(project_id: int) -> _Known:
    if project_id not in _known and len(_known) >= MOST_PROJECTS_KEPT:
        _known.clear()
    return _known.setdefault(project_id, _Known())


def _pairs(wanted: Mapping[Dimension, Collection[str]]) -> list[Pair]:
    return [(dimension, value) for dimension, values in wanted.items() for value in values]


def _learn(project_id: int, missing: Iterable[Pair], now: datetime) -> _Known:
    """Read the dimensions concerned and add what is new, one process at a time."""
    wanted: dict[Dimension, list[str]] = {}
    for dimension, value in dict.fromkeys(missing):
        wanted.setdefault(dimension, []).append(value)
    learned = _Known()
    with project_scope(project_id), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK_SPACE, project_id % 2**31])
        for dimension in sorted(wanted):
            _extend(learned, dimension, sorted(wanted[dimension]), now)
    return learned


def _extend(learned: _Known, dimension: Dimension, wanted: list[str], now: datetime) -> None:
    have = {value: number for number, value in values(dimension).items()}
    room = dimension.limit - len(have)
    fresh = [value for value in wanted if value not in have][: max(room, 0)]
    first = max(have.values(), default=FIRST - 1) + 1
    added = {value: first + offset for offset, value in enumerate(fresh)}
    if added:
        _insert(dimension, added, now)
    have |= added
    if len(have) >= dimension.limit:
        learned.full.add(dimension)
    learned.numbers.update({(dimension, value): number for value, number in have.items()})


def _insert(dimension: Dimension, added: Mapping[str, int], now: datetime) -> None:
    project_id = current_project()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO dimension_value (project_id, dimension, number, value, first_seen_at)"
            " SELECT %s, %s, n, v, %s FROM unnest(%s::smallint[], %s::text[]) AS t(n, v)",
            [project_id, int(dimension), now, list(added.values()), list(added)],
        )
    if dimension is Dimension.FEATURE:
        features = [
            Feature(project_id=project_id, number=number, name=name, first_seen_at=now)
            for name, number in added.items()
        ]
        Feature.objects.bulk_create(features)
