"""Thousands of sheets are packed, read and merged at once, and say what one sheet after the other says."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from observatory.metrics import cells, codec, packing, tallying
from observatory.metrics.layout import PEAKS, ZERO_BIN, Counter, Distribution
from observatory.metrics.sheets import COLUMNS, COMBINATION, DIMENSIONS, OTHER_COMBINATIONS, SheetKey, combined
from tests.harness.sheets import Numbers, added, counted

START = datetime(2026, 1, 1, tzinfo=UTC)
values = st.integers(0, 501)
sizes = st.one_of(st.integers(1, 300), st.integers(1, 2**70), st.integers(-(2**40), -1))
sums = st.dictionaries(
    st.sampled_from([int(counter) for counter in Counter if counter not in PEAKS]), sizes, max_size=6
)
bins = st.dictionaries(
    st.one_of(st.just(ZERO_BIN), st.integers(-1500, 1500)), st.integers(1, 2**33), min_size=1, max_size=12
)
sheets = st.dictionaries(values, st.tuples(sums, bins), min_size=1, max_size=6)
tables = st.lists(sheets, min_size=1, max_size=5)
Sheet = dict[int, tuple[dict[int, int], dict[int, int]]]


def row(number: int, sheet: Sheet, combinations: bytes | None = None, dimension: int = 4) -> tuple[object, ...]:
    """A stored sheet as the codec packs it, alone."""
    counters = codec.pack_counters({value: numbers for value, (numbers, _) in sheet.items()})
    histogram = codec.pack_histograms({value: counts for value, (_, counts) in sheet.items()})
    others = [histogram if name is Distribution.LATENCY_MS else None for name in COLUMNS]
    return (START + number * timedelta(hours=1), dimension, 0, combinations, counters, *others)


def blobs(sheet: Sheet) -> tuple[object, ...]:
    """The columns that are stored of it."""
    return (*row(0, sheet)[4:], None)


@settings(max_examples=25)
@given(tables)
def test_many_sheets_come_back_as_each_is_packed_alone(table: list[Sheet]) -> None:
    read = packing.unpacked([row(number, sheet) for number, sheet in enumerate(table)])
    assert [found for _, found in packing.packed(read)] == [blobs(sheet) for sheet in table]


@settings(max_examples=25)
@given(tables)
def test_merging_adds_up_whatever_the_sums(table: list[Sheet]) -> None:
    whole: Sheet = {}
    for sheet in table:
        for value, (numbers, counts) in sheet.items():
            before = whole.get(value, ({}, {}))
            total = {known: count for known, count in added(before[0], numbers).items() if count}
            whole[value] = (total, added(before[1], counts))
    read = packing.unpacked([row(number, sheet) for number, sheet in enumerate(table)])
    ((key, found),) = packing.packed(cells.merged(read, lambda at: START))
    assert key == SheetKey(START, 4, 0)
    assert found == blobs(whole)


@pytest.mark.parametrize("counter", PEAKS)
def test_of_peaks_the_larger_stays(counter: Counter) -> None:
    table: list[Sheet] = [{3: ({int(counter): size}, {1: 1})} for size in (7, 9, 2)]
    read = packing.unpacked([row(number, sheet) for number, sheet in enumerate(table)])
    assert counted(cells.merged(read, lambda at: START)) == {SheetKey(START, 4, 0): {3: {int(counter): 9}}}


def of_combinations(number: int, calls: dict[int, int]) -> tuple[object, ...]:
    """A stored sheet of combinations, each with so many calls and as many answers of the bin of its number."""
    names = sorted(calls)
    size = 2 * len(DIMENSIONS)
    packed = codec.sealed(b"".join(name.to_bytes(size, signed=True) for name in names))
    sheet: Sheet = {place: ({1: calls[name]}, {5: calls[name]}) for place, name in enumerate(names)}
    return row(number, sheet, packed, COMBINATION)


def calls_of(table: cells.Cells) -> list[Numbers]:
    """Combination → counter → sum of each sheet."""
    return [
        {table.combinations[value]: numbers for value, numbers in sheet.items()} for sheet in counted(table).values()
    ]


def test_combinations_are_capped_sheet_by_sheet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "MOST_COMBINATIONS", 2)
    a, b, c, d = (combined([number] * len(DIMENSIONS)) for number in (9, 2, 3, 300))
    rows = [of_combinations(0, {a: 5, b: 5, c: 5, d: 6}), of_combinations(1, {a: 1, c: 2, OTHER_COMBINATIONS: 90})]
    read = packing.unpacked(rows)
    assert calls_of(cells.capped(read)) == [
        {d: {1: 6}, b: {1: 5}, OTHER_COMBINATIONS: {1: 10}},
        {a: {1: 1}, c: {1: 2}, OTHER_COMBINATIONS: {1: 90}},
    ]
    assert calls_of(cells.merged(read, lambda at: START)) == [{c: {1: 7}, a: {1: 6}, OTHER_COMBINATIONS: {1: 101}}]
    kept = [of_combinations(0, {d: 6, b: 5, OTHER_COMBINATIONS: 10}), rows[1]]
    assert [sheet[-1] for _, sheet in packing.packed(cells.capped(read))] == [sheet[3] for sheet in kept]


def test_no_sheet_is_no_bytes() -> None:
    assert list(packing.packed(cells.nothing())) == []
    assert list(packing.packed(packing.unpacked([]))) == []
    assert len(cells.merged(cells.nothing(), lambda at: at)) == 0


@given(
    st.lists(st.tuples(st.integers(0, 3), st.one_of(st.integers(-5, 5), st.integers(-(2**62), 2**62))), max_size=9),
    st.sampled_from([1, 10**9]),
)
def test_sums_over_equal_keys_are_exact(pairs: list[tuple[int, int]], spread: int) -> None:
    keys = np.array([key * spread for key, _ in pairs], np.int64)
    column = np.array([number for _, number in pairs], np.int64)
    distinct, places = tallying.numbered(keys)
    expected: dict[int, int] = {}
    for key, number in pairs:
        expected[key * spread] = expected.get(key * spread, 0) + number
    assert distinct[places].tolist() == keys.tolist()
    assert dict(zip(distinct.tolist(), tallying.added(column, places, len(distinct)).tolist(), strict=True)) == expected
    assert distinct.tolist() == sorted(expected)


@given(st.lists(st.tuples(*[st.one_of(st.integers(0, 3), st.integers(0, 65_535))] * 6), max_size=8))
def test_codes_stand_in_the_order_of_what_they_stand_for(rows: list[tuple[int, ...]]) -> None:
    columns = np.array(rows, np.int64).reshape(-1, 6).T
    codes = tallying.coded(columns)
    assert [rows[place] for place in np.argsort(codes, kind="stable")] == sorted(rows)
    assert len(set(codes.tolist())) == len(set(rows))
