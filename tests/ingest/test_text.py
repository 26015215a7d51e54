"""Text: exactly as sent where PostgreSQL can hold it, visibly repaired or cut where it cannot."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import text


@pytest.mark.parametrize(
    "whole", ["", " x ", "\r\n\t", "é😀\u202e\ufffe", "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16")]
)
def test_holdable_text_stays_the_very_same(whole):
    assert text.is_holdable(whole)
    assert text.repair(whole) is whole or text.repair(whole) == whole


@pytest.mark.parametrize("broken", ["\0", "a\0b", chr(0xD800), chr(0xDFFF), chr(0xDC00) + chr(0xD800)])
def test_what_cannot_be_held_becomes_the_replacement_sign_one_for_one(broken):
    repaired = text.repair(broken)
    assert not text.is_holdable(broken)
    assert len(repaired) == len(broken)
    assert set(repaired) <= {"a", "b", text.REPLACEMENT}


@given(st.text(st.characters(), max_size=60))
def test_every_repaired_text_can_be_stored_as_utf8_without_nul(broken):
    assert b"\0" not in text.repair(broken).encode()


@given(st.text("a\0\ud800\ud801\ufffd", max_size=6), st.text("a\0\ud800\ud801\ufffd", max_size=6))
def test_different_ids_stay_different_after_repair(one, other):
    assert (text.repair_id(one) == text.repair_id(other)) == (one == other)


def test_repair_reaches_every_text_inside():
    sent = {"a\0": ["\ud800", {"b": "ok", "c": 1}], "d": None}
    assert text.repair_deep(sent) == {"a\ufffd": ["\ufffd", {"b": "ok", "c": 1}], "d": None}


@given(st.dictionaries(st.text("a\0\ud800\ud801\ufffd~′", max_size=4), st.integers(), max_size=8))
def test_no_field_is_lost_to_another_whose_name_repairs_to_the_same_and_whole_names_stay(sent):
    repaired = text.repair_deep(sent)
    assert list(repaired.values()) == list(sent.values())
    assert all(map(text.is_holdable, repaired))
    assert all(repaired[name] == value for name, value in sent.items() if text.is_holdable(name))


def test_names_that_would_meet_are_told_apart_even_against_who_knows_the_mark():
    mark = text.repair_id("\0")
    assert list(text.repair_deep({"\0": 1, "\ud800": 2})) == ["\ufffd", text.repair_id("\ud800")]
    assert text.repair_deep({"\0": 1, "\ufffd": 2}) == {mark: 1, "\ufffd": 2}
    assert text.repair_deep({"\0": 1, "\ufffd": 2, mark: 3}) == {f"{mark}′": 1, "\ufffd": 2, mark: 3}


def test_a_mebibyte_is_kept_and_more_is_cut_at_a_whole_character():
    exact = "é" * (text.LONGEST // 2)
    assert text.cut(exact) == (exact, None)
    longer = "x" + exact
    kept, cut = text.cut(longer)
    assert longer.startswith(kept)
    assert text.LONGEST - 1 <= len(kept.encode()) <= text.LONGEST
    assert cut == text.Cut(len(longer), text.LONGEST + 1, hashlib.sha256(longer.encode()).hexdigest())


def test_depth_counts_objects_and_lists():
    assert not text.is_deeper({"a": [1]}, 2)
    assert text.is_deeper({"a": [[1]]}, 2)
    assert not text.is_deeper("deep", 0)


def test_integers_beyond_64_bits_become_json_too():
    assert text.as_json({"n": 2**70}) == '{"n":1180591620717411303424}'
