"""Taking bodies apart: the fast way, the way item by item, and the words of a refusal."""

import json
import time

import pytest

from ingest import contract
from ingest.contract import Interaction
from ingest.kinds import BY_WORD, EXPECTED, FEEDBACKS, INTERACTIONS, KINDS_OF_FEEDBACK
from ingest.reading import read
from ingest.refusals import Malformed, TooLarge
from ingest.splitting import array

GOOD = b'{"feature":"a"}'


def problem(body, kind=INTERACTIONS):
    (found,) = read(b"[" + body + b"]", kind).problems.values()
    return found.path, found.expected, found.got


@pytest.mark.parametrize(
    ("body", "path", "expected", "got"),
    [
        (b"{}", "$.feature", "a string of 1 to 100 characters", "nothing"),
        (b'{"feature":null}', "$.feature", "a string of 1 to 100 characters", "null"),
        (b'{"feature":"a","latency_ms":-1}', "$.latency_ms", "a number ≥ 0", "-1"),
        (b'{"feature":"a","latency_ms":2e12}', "$.latency_ms", "a number ≤ 1e+12", "2000000000000.0"),
        (b'{"feature":"a","latency_ms":1e999}', "$.latency_ms", "a number ≥ 0", "a number out of range"),
        (b'{"feature":"a","input_tokens":1.5}', "$.input_tokens", "an integer ≥ 0", "number"),
        (b'{"feature":"a","input_tokens":true}', "$.input_tokens", "an integer ≥ 0", "boolean"),
        (b'{"feature":"a","status":"meh"}', "$.status", "one of ok, error", "'meh'"),
        (b'{"feature":"a","prompt":5}', "$.prompt", "a string or a list of chat messages", "integer"),
        (b'{"feature":"a","prompt":[5]}', "$.prompt[0]", "a list of chat messages, each an object", "integer"),
        (b'{"feature":"a","metadata":[]}', "$.metadata", "an object", "array"),
        (b'{"feature":"a","cost_usd":"x"}', "$.cost_usd", "a decimal ≥ 0, as a number or a string", "'x'"),
        (b'{"feature":"a","other":1e999}', "$", "numbers that JSON readers can hold", "a number out of range"),
        (b'{"feature":"\xff"}', "$", "text in UTF-8", "bytes that are not"),
        (b'{"feature":tru}', "$", "a JSON object", "something that is no JSON"),
        (b"[]", "$", "an object", "array"),
    ],
)
def test_a_refusal_names_path_expectation_and_what_came(body, path, expected, got):
    assert problem(body) == (path, expected, got)


@pytest.mark.parametrize(
    ("body", "path", "got"),
    [
        (b'{"kind":"meh"}', "$.kind", "'meh'"),
        (b"{}", "$.kind", "nothing"),
        (b'{"kind":7}', "$.kind", "7"),
        (b'{"kind":"thumb","value":"maybe"}', "$.value", "'maybe'"),
        (b'{"kind":"flag"}', "$.category", "nothing"),
    ],
)
def test_feedback_is_explained_by_its_kind(body, path, got):
    found = problem(body, FEEDBACKS)
    assert (found[0], found[2]) == (path, got)
    assert found[1].startswith(("one of", "a string of"))


def test_every_field_of_every_struct_has_words():
    assert all(words for struct in EXPECTED.values() for words in struct.values())
    assert set(EXPECTED[Interaction]) == set(Interaction.__struct_fields__)
    assert len(KINDS_OF_FEEDBACK) == 12


def test_unknown_fields_are_kept_and_change_nothing_else():
    batch = read(b'[%b,{"feature":"b","x":{"y":[1]},"id":"1"}]' % GOOD, INTERACTIONS)
    assert batch.extras == {1: {"x": {"y": [1]}}}
    assert [item.feature for item in batch.items.values()] == ["a", "b"]


def test_the_fast_way_and_the_way_item_by_item_see_the_same():
    items = [b'{"feature":"a","prompt":"%d","cost_usd":0.1,"latency_ms":1}' % number for number in range(5)]
    fast = read(b"[" + b",".join(items) + b"]", INTERACTIONS).items
    slow = read(b"[" + b",".join([*items, b"5"]) + b"]", INTERACTIONS).items
    assert fast == slow


@pytest.mark.parametrize(
    ("body", "pieces"),
    [
        (b'[{"a":"]}\\"["},tru , [1,[2]],"x,y"]', [b'{"a":"]}\\"["}', b"tru", b"[1,[2]]", b'"x,y"']),
        (b'[{"a":"\\\\"},!]', [b'{"a":"\\\\"}', b"!"]),
        (b"[1,,2]", [b"1", b"", b"2"]),
    ],
)
def test_an_array_with_a_broken_item_is_split_by_its_brackets(body, pieces):
    assert array(body) == pieces


@pytest.mark.parametrize("body", [b"[1", b'["a]', b"[1]]", b"[1] 2", b"[]]", b"[", b'[{"a":1]'])
def test_what_is_no_complete_array_is_malformed(body):
    with pytest.raises(Malformed):
        read(body, INTERACTIONS)


@pytest.mark.parametrize("item", [b"1", b"{}", GOOD, b'""', b"[]", b'{"feature":"a","x":"\\ud800"}'])
def test_too_many_items_are_found_before_they_take_memory_or_time(item):
    body = b"[" + b",".join([item] * (contract.LARGEST_BODY // (len(item) + 1))) + b"]"
    started = time.process_time()
    with pytest.raises(TooLarge):
        read(body, INTERACTIONS)
    assert time.process_time() - started < 1


def test_half_a_surrogate_pair_is_left_for_repair():
    batch = read(rb'[{"feature":"a\ud800","x\udfff":1},{"feature":"b"}]', INTERACTIONS)
    assert batch.items[0].feature == "a\ud800"
    assert batch.extras == {0: {"x\udfff": 1}}
    assert not batch.is_clean
    assert read(rb'{"feature":"a\ud83d\ude00"}', INTERACTIONS).is_clean


def test_a_type_of_bytes_that_are_no_text_costs_its_item_alone():
    batch = read(b'[{"type":"\xff\xfe"},{"type":"interaction","feature":"a"}]', BY_WORD)
    assert (list(batch.problems), list(batch.items)) == ([0], [1])
    assert batch.problems[0].got == "bytes that are not"


def test_texts_that_take_much_memory_when_decoded_are_refused_and_others_of_that_size_are_not():
    text = "x" * 1_000_000
    wide, plain = ({"feature": "a", "prompt": f"{text}{sign}"} for sign in "😀é")
    for body in (
        json.dumps([wide] * 12),
        "\n".join([json.dumps(wide)] * 12),
        json.dumps({**wide, "prompt": text * 12 + "😀"}),
    ):
        for kinds in (INTERACTIONS, {"interaction": INTERACTIONS}):
            with pytest.raises(TooLarge, match="when decoded"):
                read(body.replace('"feature"', '"type":"interaction","feature"').encode(), kinds)
    assert read(json.dumps([plain] * 19).encode(), INTERACTIONS).count == 19
    assert read(json.dumps([wide, *[plain] * 18]).encode(), INTERACTIONS).count == 19
    assert read(json.dumps([wide] * 9).encode(), INTERACTIONS).count == 9


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b'\n{"feature": "a",\n  "x": }', ": see line 3, column 8."),
        (b'[{"feature":"a"},\n{"feature":', ": see line 2, column 12."),
        (b'{"feature":"a"', ": see line 1, column 15."),
        (b'{"feature":"' + b"a" * 600_000, "document."),
    ],
)
def test_a_body_that_is_not_complete_is_told_where_unless_it_is_large(body, place):
    with pytest.raises(Malformed, match="not one complete JSON document") as refused:
        read(body, INTERACTIONS)
    assert str(refused.value).endswith(place)
