"""A policy carried out on items: every text, and nothing but texts."""

import json
import time

import pytest

from ingest.contract import Change, Correction, Cost, Escalation, Interaction, Survey
from ingest.corrections import words
from ingest.descriptors import Descriptors
from ingest.descriptors import describe as describe_words
from ingest.dimensions import Flag
from ingest.redaction.hashing import (
    as_tokens,
    sealed,
    text_hash,
    text_key,
    unsealed,
    word_marks,
    word_tokens,
)
from ingest.redaction.policy import FAILED, FULL, HASHED, MASKED, Policy, redacted

MAIL = "jane@example.com"
KEY = text_key("a secret", 1)


def describe(text: str) -> Descriptors:
    return describe_words(text, words(text))


ASKED = Interaction(
    id=MAIL, feature=MAIL, user_id=MAIL, session_id=MAIL, segment=MAIL, model="m", error_message=f"no such user {MAIL}",
    prompt=[{"role": "user", "content": f"I am {MAIL}"}, {"role": "assistant", "content": [{"type": "text", "text": f"Hello {MAIL}"}]}],
    output=f"Dear {MAIL}, your number is +49 30 1234567.",
    retrieval={"documents": [{"id": MAIL, "score": 0.5, "title": f"by {MAIL}"}], "latency_ms": 3},
    metadata={"from": MAIL, "deep": [{"to": [MAIL]}], MAIL: 1, "plan": "gold", "count": 12, "card": 4111111111111111, "phone": 4155550123, "order": 4155550123},
)  # fmt: skip
IDS = ("id", "feature", "user_id", "session_id", "segment", "model")


def test_in_full_the_very_item_goes_on():
    assert redacted(ASKED, None, Policy(FULL)).item is ASKED


def test_masked_texts_keep_their_form_and_ids_and_labels_stay():
    item, extras, kept = redacted(ASKED, {"note": f"to {MAIL}"}, Policy(MASKED))
    assert item.prompt == [
        {"role": "user", "content": "I am [email]"},
        {"role": "assistant", "content": [{"type": "text", "text": "Hello [email]"}]},
    ]
    assert item.output == "Dear [email], your number is [phone]."
    assert item.error_message == "no such user [email]"
    assert item.retrieval == {"documents": [{"id": MAIL, "score": 0.5, "title": "by [email]"}], "latency_ms": 3}
    assert item.metadata == {
        "from": "[email]", "deep": [{"to": ["[email]"]}], "[email]": 1, "plan": "gold", "count": 12, "card": "[card]", "phone": "[phone]",
        "order": 4155550123,
    }  # fmt: skip
    assert extras == {"note": "to [email]"}
    assert [getattr(item, name) for name in IDS] == [getattr(ASKED, name) for name in IDS]
    assert kept.flags == Flag.TEXT_MASKED
    assert kept.hashes == {}


def test_the_name_of_a_field_says_what_its_text_is():
    sent = {"phone": "6123456", "order": "6123456", "deep": [{"Mobile": ["6123456"]}]}
    item, extras, _ = redacted(Interaction(feature="f", metadata=sent), {"fax": "6123456"}, Policy(MASKED))
    assert item.metadata == {"phone": "[phone]", "order": "6123456", "deep": [{"Mobile": ["[phone]"]}]}
    assert extras == {"fax": "[phone]"}


def test_an_item_without_anything_to_mask_is_not_flagged():
    item, _, kept = redacted(Interaction(feature="f", prompt="Hello", metadata={"a": "b"}), None, Policy(MASKED))
    assert (item.prompt, kept) == ("Hello", None)


def test_of_hashed_texts_hash_length_descriptors_and_marks_are_left():
    item, extras, kept = redacted(ASKED, {"note": "x"}, Policy(HASHED, KEY), b"about")
    assert (item.prompt, item.output, item.error_message) == (None, None, None)
    assert set(kept.hashes) == {"prompt", "output", "error_message"}
    assert kept.hashes["output"] == text_hash(KEY, ASKED.output)
    assert kept.characters["output"] == len(ASKED.output)
    assert len(kept.word_marks) == 1 + 2 * len(ASKED.output.split())
    described = json.loads(kept.descriptors)
    assert described["output"]["words"] == len(ASKED.output.split())
    assert described["prompt"]["tokens"] > 4
    assert kept.flags & Flag.TEXT_HASHED
    assert MAIL not in str((item.metadata, extras, kept))
    assert item.metadata["plan"].startswith("hmac:")
    assert (item.metadata["count"], item.metadata["card"]) == (12, "[card]")
    assert item.retrieval["documents"][0]["id"] == MAIL
    assert item.retrieval["documents"][0]["title"].startswith("hmac:")
    assert extras == {"note": "hmac:" + text_hash(KEY, "x").hex()}


def test_why_a_model_stopped_is_a_label():
    sent = {"finish_reason": "length", "raw": {"stopReasons": ["max_tokens"]}, "stop_reason": "it said Jane"}
    item = redacted(Interaction(feature="f", metadata=sent), None, Policy(HASHED, KEY)).item
    assert (item.metadata["finish_reason"], item.metadata["raw"]) == ("length", {"stopReasons": ["max_tokens"]})
    assert item.metadata["stop_reason"].startswith("hmac:")


def test_tokens_are_estimated_only_where_nobody_counted_them():
    counted = Interaction(feature="f", prompt="a b c", output="d e f", input_tokens=3)
    described = json.loads(redacted(counted, None, Policy(HASHED, KEY), b"k").kept.descriptors)
    assert (described["prompt"]["tokens"], described["output"]["tokens"]) == (None, 3)


def test_what_is_said_about_an_interaction_is_covered_too():
    said = [
        Correction(interaction_id="i", final_text=f"to {MAIL}", comment=f"by {MAIL}"),
        Escalation(reason=f"{MAIL} is angry"),
        Cost(component="other", amount_usd=1, description=f"for {MAIL}"),
        Survey(score=4, question="What about a@b.com?", comment=MAIL),
    ]
    masked = [redacted(item, None, Policy(MASKED)).item for item in said]
    assert [(masked[0].final_text, masked[0].comment), masked[1].reason, masked[2].description] == [
        ("to [email]", "by [email]"), "[email] is angry", "for [email]",
    ]  # fmt: skip
    assert (masked[3].question, masked[3].comment) == (said[3].question, "[email]"), "a question is a label"
    correction, extras, kept = redacted(said[0], None, Policy(HASHED, KEY), b"about")
    assert (correction.final_text, correction.comment) == (None, None)
    assert extras == {"text_hash": {name: kept.hashes[name].hex() for name in ("final_text", "comment")}}
    assert unsealed(KEY, kept.word_marks) == word_tokens(KEY, ["to", MAIL])


def test_a_change_is_an_announcement_it_is_masked_never_hashed():
    change = Change(kind="deploy", title=f"Deploy by {MAIL}", note="no secrets", url=f"https://x.test/{MAIL}")
    for mode in (MASKED, HASHED):
        item = redacted(change, None, Policy(mode, KEY)).item
        assert (item.title, item.note, item.url) == ("Deploy by [email]", "no secrets", change.url)


def test_equal_texts_are_equal_within_a_project_and_nowhere_else():
    one, other = text_key("a secret", 1), text_key("a secret", 2)
    assert text_hash(one, MAIL) == text_hash(one, MAIL)
    assert len({text_hash(one, MAIL), text_hash(other, MAIL), text_hash(text_key("another", 1), MAIL)}) == 3


def test_a_word_has_other_marks_in_another_interaction():
    tokens = word_tokens(KEY, ["yes", "yes", "no"])
    yes, again, no = as_tokens(word_marks(KEY, b"one", tokens))
    assert yes == again != no
    assert word_marks(KEY, b"one", tokens) != word_marks(KEY, b"two", tokens)
    assert word_tokens(KEY, ["yes"]) != word_tokens(text_key("another", 1), ["yes"])


def test_words_that_are_alike_in_two_corrections_are_not_alike_in_what_is_kept():
    one, other = (sealed(KEY, word_tokens(KEY, ["the"] * 20 + [last])) for last in ("cat", "dog"))
    assert len(one) == len(other) == 16 + 2 * 21
    assert len(set(one[16:])) > 10, "nor is a word that comes again"
    assert sum(a == b for a, b in zip(one, other, strict=True)) < 10
    assert unsealed(KEY, one)[:40] == word_tokens(KEY, ["the"] * 20)


def test_what_was_kept_with_another_key_or_in_another_form_is_unknown_and_not_different():
    kept = sealed(KEY, word_tokens(KEY, ["yes"]))
    assert unsealed(text_key("another", 1), kept) is None
    assert unsealed(KEY, kept[:-1] + b"x") is unsealed(KEY, b"1234") is None
    assert unsealed(KEY, sealed(KEY, b"")) == b""
    assert as_tokens(b"1234") is as_tokens(b"") is None
    assert list(as_tokens(word_marks(KEY, b"one", b""))) == []


def own(text, kind):
    return f"{kind}({text.replace('Jane', '[name]')})"


def test_the_operators_masker_comes_after_the_built_in_one():
    item = redacted(Interaction(feature="Jane", prompt=f"Jane is {MAIL}"), None, Policy(MASKED, own=own)).item
    assert (item.feature, item.prompt) == ("Jane", "prompt([name] is [email])")


@pytest.mark.parametrize("answer", [None, 7, b"x", ["x"]])
def test_a_masker_that_answers_nonsense_has_failed(answer):
    item, _, kept = redacted(
        Interaction(feature="f", prompt="Jane", metadata={"a": ["Jane"]}),
        None,
        Policy(MASKED, own=lambda text, kind: answer),
    )
    assert (item.prompt, item.metadata, kept.failure) == (FAILED, {"a": [FAILED]}, "TypeError")
    assert kept.flags == Flag.TEXT_MASKED


def test_when_the_masker_fails_the_text_goes_and_the_item_stays():
    def broken(text, kind):
        raise RuntimeError(f"cannot mask {text}")

    item, _, kept = redacted(Interaction(feature="f", prompt="Jane", output="Joe"), None, Policy(MASKED, own=broken))
    assert (item.feature, item.prompt, item.output) == ("f", FAILED, FAILED)
    assert "Jane" not in str(kept)


def test_what_the_masker_makes_can_be_stored():
    policy = Policy(MASKED, own=lambda text, kind: "a\x00b\ud800")
    assert redacted(Interaction(feature="f", prompt="x"), None, policy).item.prompt == "a\ufffdb\ufffd"


def test_keys_that_become_one_are_both_kept():
    metadata = {"a@b.com": 1, "c@d.com": 2}
    item = redacted(Interaction(feature="f", metadata=metadata), None, Policy(MASKED)).item
    assert sorted(item.metadata.values()) == [1, 2]


@pytest.mark.parametrize("mode", [MASKED, HASHED])
def test_names_of_fields_are_masked_also_when_a_program_could_use_them(mode):
    secret = "ghp_" + "a1B2c3D4e5" * 4
    metadata = {secret: 1, "DE89370400440532013000": 2, "conversation_identifier": 3, "step": 4}
    names = redacted(Interaction(feature="f", metadata=metadata), None, Policy(mode, KEY)).item.metadata
    assert secret not in names
    assert "DE89370400440532013000" not in names
    assert (names["conversation_identifier"], names["step"], len(names)) == (3, 4, 4)


def test_a_text_is_described_without_its_words():
    text = "# Plan\n\n1. See https://example.com\n2. **Go** on\n\n```py\nx = 42\n```\nПривет?"
    found = describe(text)
    assert (found.chars, found.words, found.digits, found.non_ascii) == (len(text), len(text.split()), 4, 6)
    assert found.has_url
    assert found.has_code
    assert found.has_list
    assert found.has_bold
    assert found.has_question
    assert (found.is_refusal, found.is_blank, found.script) == (False, False, "Latin")


@pytest.mark.parametrize(
    ("text", "script"),
    [("Привет, мир", "Cyrillic"), ("你好，世界", "Han"), ("こんにちは", "Kana"), ("안녕하세요", "Hangul"), ("مرحبا", "Arabic"), ("123 …", None), ("héllo", "Latin")],
)  # fmt: skip
def test_the_script_is_that_of_most_letters(text, script):
    assert describe(text).script == script


@pytest.mark.parametrize("piece", ["**a", "\n", "\n- ", "1", "a ", "```", "www.", "?", "ж ", "I'm sorry, "])
def test_describing_costs_time_in_proportion_to_the_length(piece):
    def seconds(length):
        text = piece * (length // len(piece))
        began = time.process_time()
        describe(text)
        return time.process_time() - began

    assert seconds(1 << 20) < 100 * min(seconds(1 << 16), seconds(1 << 16)) + 0.05


def test_repetition_lowers_the_type_token_ratio_and_refusals_are_known():
    assert describe("one two three four").type_token_ratio == 1
    assert describe("la La la la").type_token_ratio == 0.25
    assert describe("I'm sorry, but I can't help with that.").is_refusal
    assert describe(" \n").is_blank
    assert describe("").type_token_ratio is None
