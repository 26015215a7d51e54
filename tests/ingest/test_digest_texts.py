"""Texts as the search has them, and what chat messages say."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.digest import texts


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("Hi-there, you_all: 12.5!", ["hi", "there", "you", "all", "12", "5"]),
        ("“Crème brûlée” — naïve", ["creme", "brulee", "naive"]),
        ("STRASSE Straße", ["strasse", "strasse"]),
        ("Ελλάδα привет", ["ελλαδα", "привет"]),
        ("東京 tower", ["東", "京", "tower"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("a\x00b😀c", ["a", "b", "c"]),
    ],
)
def test_texts_become_small_letters_between_blanks(text, words):
    assert texts.folded(text).split() == words


def test_only_the_beginning_of_a_long_text_is_searched():
    assert len(texts.folded("word " * 10_000)) == texts.LONGEST
    assert len(texts.folded("ﷺ " * 10_000).replace(" ", "")) <= texts.LONGEST


@pytest.mark.parametrize(
    ("sought", "query"),
    [
        ("hello World", '"hello" "world"'),
        ('"refund policy" -card', '"refund policy" -"card"'),
        ("foo OR bar", '"foo" or "bar"'),
        ("O'Brien's", '"o brien s"'),
        ("東京都", '"東 京 都"'),
        ('"or"', '"or"'),
        ("-", ""),
        ('!!! "" & | :*', ""),
        ("or or", ""),
    ],
)
def test_a_query_becomes_words_phrases_and_their_absence(sought, query):
    assert texts.query(sought) == query


def test_a_query_has_so_many_words_and_not_more():
    assert texts.query("word " * 1_000).count("word") == texts.MOST_WORDS


@given(st.text(max_size=200) | st.text("\"-or |&!:*()\\'é東 ", max_size=200))
def test_no_query_holds_anything_but_words_and_the_signs_that_mean_something(sought):
    for term in texts.query(sought[:500]).split('"'):
        assert term.strip() in {"", "-", "or", "or -"} or term.split() == texts.folded(term).split(), term


def messages(*contents, **more):
    return json.dumps([{"role": "user", "content": content, **more} for content in contents], separators=(",", ":"))


def test_chat_messages_say_their_contents():
    talk = json.dumps(
        [
            {"role": "system", "content": 'You "are"\nkind'},
            {"role": "user", "content": [{"type": "text", "text": "Grüße\\"}, {"type": "image_url", "image_url": {}}]},
            {"role": "assistant", "content": None, "tool_calls": [{"id": "x"}]},
        ]
    )
    assert texts.said(talk) == 'You "are"\nkind\nGrüße\\'
    assert texts.asked(talk) == "Grüße\\"
    assert texts.asked(messages("first", "last")) == "last"
    assert texts.asked(messages("first")[:-1]) == ""


@given(st.text(max_size=50), st.integers(0, 200))
def test_messages_that_were_cut_anywhere_say_a_beginning_of_what_they_said(content, end):
    whole = messages(content)
    said = texts.said(whole[:end])
    if end >= len(whole):
        assert said == content
    else:
        assert content.encode("utf-16-le", "surrogatepass").startswith(said.encode("utf-16-le", "surrogatepass"))


@pytest.mark.parametrize(
    ("text", "is_messages", "is_blank"),
    [
        ("", False, True),
        (" \n\t", False, True),
        (".", False, False),
        (messages(""), True, True),
        (messages(" \n"), True, True),
        (messages("."), True, False),
        (messages(None, tool_calls=[]), True, False),
        ("[]", True, True),
    ],
)
def test_what_is_blank_has_nothing_to_be_read(text, is_messages, is_blank):
    assert texts.is_blank(text, is_messages) is is_blank
