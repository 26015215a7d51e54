"""Binary arrays: byte for byte what the driver would send."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.adapt import PyFormat, Transformer
from psycopg.types.numeric import Int2, Int4, Int8

from ingest import arrays


def theirs(column):
    return bytes(Transformer(None).get_dumper(column, PyFormat.BINARY).dump(column))


@given(st.lists(st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))))
def test_texts_are_what_the_driver_sends(column):
    if any(one is not None for one in column):
        assert arrays.texts(column).data == theirs(column)


@pytest.mark.parametrize(
    ("build", "wrap", "values"),
    [
        (arrays.smalls, Int2, [0, -32_768, 32_767, None]),
        (arrays.integers, Int4, [0, 2**31 - 1, -(2**31)]),
        (arrays.bigs, Int8, [None, 2**63 - 1, -(2**63)]),
        (arrays.floats, float, [0.0, -1.5, 1e308, None]),
        (arrays.blobs, bytes, [b"", b"\0\xff", None]),
    ],
)
def test_numbers_and_bytes_are_what_the_driver_sends(build, wrap, values):
    wrapped = [None if value is None else wrap(value) for value in values]
    assert build(values).data == theirs(wrapped)


def test_instants_are_microseconds_since_2000_in_any_zone():
    at = datetime(2026, 3, 1, 12, 30, 0, 123_457, tzinfo=UTC)
    assert arrays.times([arrays.microseconds(at)]).data == theirs([at])
    first = datetime.fromisoformat("0001-01-01T00:00:00+14:00")
    assert arrays.microseconds(first) == (first - arrays.POSTGRES_EPOCH) // timedelta(microseconds=1)


@pytest.mark.parametrize("build", [arrays.texts, arrays.smalls, arrays.floats, arrays.blobs, arrays.times])
def test_a_column_of_nothing_is_an_empty_array(build):
    assert build([]) == build([None, None])
    assert len(build([]).data) == 12


def test_an_empty_text_is_not_nothing():
    assert arrays.texts(["", None]).data == theirs(["", None])
