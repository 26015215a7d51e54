"""What an import says of the lines that it refused, in a few words."""

import json

import pytest

from ingest.imports import reasons
from ingest.imports.progress import Refused
from ingest.refusals import Problem


@pytest.mark.parametrize(
    ("own", "item", "word"),
    [
        ("interaction", {"kind": "prompt", "title": "x"}, "change"),
        ("interaction", {"component": "other", "amount_usd": 1, "feature": "a"}, "cost"),
        ("interaction", {"user_id": "u", "event": "seen"}, "user"),
        ("interaction", {"month": "2026-01", "name": "revenue_usd", "value": 1}, "figure"),
        ("interaction", {"type": "feedback", "kind": "thumb", "value": "up"}, "mixed"),
        ("feedback", {"feature": "a", "latency_ms": 1}, "interaction"),
        ("feedback", {"kind": "thumb", "value": "sideways", "feature": "a"}, ""),
        ("interaction", {"feature": "a", "latency_ms": "slow"}, ""),
        ("interaction", {"type": ["x"], "what": 1}, ""),
    ],
)
def test_the_kind_that_is_guessed_is_the_one_that_the_fields_fit(own, item, word):
    refused = [Refused(n, Problem("$", "x", "y"), text) for n, text in enumerate([json.dumps(item)] * 3 + ["[1]", "{"])]
    assert reasons.lookalike(refused, own, is_table=False) == word


def test_three_reasons_are_named_the_commonest_first():
    refused = [Refused(n, Problem(f"$.{path}", "x", str(n)), "") for n, path in enumerate("abbcccdddd")]
    assert reasons.commonest(refused) == [
        "4 × $.d: expected x (line 6: 6)",
        "3 × $.c: expected x (line 3: 3)",
        "2 × $.b: expected x (line 1: 1)",
    ]
