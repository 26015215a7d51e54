"""Sheets come back as they were packed, whatever is asked of them, and bytes of strangers are refused."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.dimensions import Facts
from observatory.metrics import codec
from observatory.metrics.layout import ZERO_BIN, Counter

values = st.integers(0, 501)
sums = st.dictionaries(st.sampled_from([int(counter) for counter in Counter]), st.integers(1, 2**63), max_size=12)
bins = st.dictionaries(st.one_of(st.just(ZERO_BIN), st.integers(-1500, 1500)), st.integers(1, 2**33), max_size=40)
counter_rows = st.dictionaries(values, sums, max_size=30)
histogram_rows = st.dictionaries(values, bins, max_size=8)


@given(counter_rows)
def test_counters_come_back(rows: dict[int, dict[int, int]]) -> None:
    packed = codec.pack_counters(rows)
    assert codec.unpack_counters(packed) == rows
    assert codec.pack_counters(dict(reversed(rows.items()))) == packed


@given(counter_rows, values, st.sets(st.sampled_from(list(Counter))))
def test_one_value_and_some_counters_are_what_the_whole_says(
    rows: dict[int, dict[int, int]], value: int, wanted: set[Counter]
) -> None:
    packed = codec.pack_counters(rows)
    some = {counter: total for counter, total in rows.get(value, {}).items() if counter in wanted}
    assert codec.unpack_counters(packed, wanted, (value,)) == ({value: some} if value in rows else {})


@given(histogram_rows, values)
def test_histograms_come_back(rows: dict[int, dict[int, int]], value: int) -> None:
    packed = codec.pack_histograms(rows)
    counted = {known: counts for known, counts in rows.items() if counts}
    assert (packed is None) == (not counted)
    assert codec.unpack_histograms(packed) == counted
    assert codec.unpack_histograms(packed, (value,)) == {known: c for known, c in counted.items() if known == value}


def test_a_sheet_of_one_call_is_small_and_a_wide_one_is_compressed() -> None:
    one = {0: {1: 1, 11: 1, 13: 1, 14: 400, 15: 1, 16: 300, 20: 1, 22: 9_000_000, 23: 9_000_000}}
    assert len(codec.pack_counters(one)) <= 45
    wide = {value: {1: 1_000 + value % 3} for value in range(500)}
    assert len(codec.pack_counters(wide)) < 1_100
    assert codec.unpack_counters(codec.pack_counters(wide)) == wide


@pytest.mark.parametrize("data", [b"", b"\x01", b"\x02\x00", b"\x01\x07rest"])
def test_bytes_of_another_version_are_refused(data: bytes) -> None:
    with pytest.raises(codec.BadSheet):
        codec.unpack_counters(data)


def test_cut_bytes_are_an_error_and_not_a_number() -> None:
    packed = codec.pack_counters({value: {1: 10**9 + value * 7_919} for value in range(200)})
    with pytest.raises(zlib.error):
        codec.unpack_counters(packed[:-20])


def test_stored_numbers_never_change() -> None:
    """Sheets on disk carry them: append at the end of each half, and extend this list."""
    assert [(counter.name, int(counter)) for counter in Counter][:3] == [
        ("CALLS", 1),
        ("ERRORS", 2),
        ("ERRORS_TIMEOUT", 3),
    ]
    assert (Counter.RETRIEVAL_SCORE_MICRO, Counter.THUMBS_UP, Counter.WITH_FEEDBACK) == (35, 128, 150)
    assert max(Counter) < 256
    assert Counter.RETRIEVAL_SCORE_MICRO.facts is Facts.INTERACTIONS
    assert Counter.THUMBS_UP.facts is Facts.FEEDBACK
    assert codec.unpack_counters(bytes.fromhex("0100020000000300010105002c018000012a")) == {
        0: {Counter.CALLS: 5, Counter.THUMBS_UP: 1},
        3: {Counter.CALLS: 300, Counter.THUMBS_UP: 42},
    }
