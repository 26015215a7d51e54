"""Long texts under each text policy: what is told of them is of what was sent, and nothing private hangs at the cut."""

import hashlib
import json

import pytest

from ingest import records
from ingest.dimensions import Flag
from ingest.redacting import text_key_of
from ingest.redaction.hashing import text_hash
from ingest.text import LONGEST
from tests.ingest.record import one, take

MAIL = "jane.doe@example.com"
# An address from ten bytes before the cut to ten behind it, and one in front that makes the masked text shorter.
LONG = f"{MAIL} é ".ljust(LONGEST - 11) + MAIL + " and so on" * 9
MESSAGES = [{"role": "user", "content": LONG}]
OF_MESSAGES = json.dumps(MESSAGES, ensure_ascii=False, separators=(",", ":"))


def sent(project, **fields):
    take(project, records.INTERACTIONS, {"id": "i", "feature": "a", **fields})
    return one(project, "interaction"), one(project, "payload")


def measures(text):
    return {"characters": len(text), "bytes": len(text.encode())}


def keyed(project, text):
    return text_hash(text_key_of(project.id), text).hex()


def test_in_full_it_is_cut_with_its_lengths_and_its_hash(project):
    row, payload = sent(project, prompt=LONG, error_message=LONG)
    whole = measures(LONG) | {"sha256": hashlib.sha256(LONG.encode()).hexdigest()}
    assert json.loads(payload["cut"]) == {"prompt": whole, "error_message": whole}
    assert (row["prompt_chars"], row["flags"]) == (len(LONG), Flag.PROMPT_CUT)


@pytest.mark.parametrize(("prompt", "text"), [(LONG, LONG), (MESSAGES, OF_MESSAGES)], ids=["text", "messages"])
def test_masked_it_is_cut_after_masking_and_its_hash_is_one_that_nobody_can_try_guesses_on(make_project, prompt, text):
    project = make_project(text_policy="masked")
    row, payload = sent(project, prompt=prompt, error_message=LONG)
    assert json.loads(payload["cut"]) == {
        "prompt": measures(text) | {"hmac": keyed(project, text)},
        "error_message": measures(LONG) | {"hmac": keyed(project, LONG)},
    }
    assert row["prompt_chars"] == len(text)
    assert row["flags"] & Flag.PROMPT_CUT
    for stored in (payload["prompt"], payload["error_message"]):
        assert "[email] é" in stored
        assert "jane" not in stored


def test_hashed_nothing_is_cut_and_the_same_length_and_hash_are_kept(make_project):
    project = make_project(text_policy="hashed")
    row, payload = sent(project, prompt=LONG)
    assert (row["prompt_chars"], payload["prompt_hash"].hex()) == (len(LONG), keyed(project, LONG))
    assert payload["prompt"] is payload["cut"] is None


def test_masked_what_holds_nothing_to_be_masked_is_told_of_as_in_full(make_project):
    plain = "a" * (LONGEST + 1)
    whole = measures(plain) | {"sha256": hashlib.sha256(plain.encode()).hexdigest()}
    row, payload = sent(make_project(text_policy="masked"), prompt=plain, output=MAIL)
    assert (json.loads(payload["cut"]), row["prompt_chars"]) == ({"prompt": whole}, len(plain))
    assert (payload["output"], row["output_chars"]) == ("[email]", len(MAIL))


def test_masked_a_text_that_fits_once_it_is_masked_is_whole(make_project):
    row, payload = sent(make_project(text_policy="masked"), prompt="a" * (LONGEST - 10) + f" {MAIL}")
    assert payload["prompt"] == "a" * (LONGEST - 10) + " [email]"
    assert (payload["cut"], row["flags"]) == (None, Flag.TEXT_MASKED)
    assert row["prompt_chars"] == LONGEST - 9 + len(MAIL)


@pytest.mark.parametrize("policy", ["full", "masked"])
def test_of_a_long_correction_too(make_project, policy):
    project = make_project(text_policy=policy)
    told = {"id": "f", "kind": "correction", "interaction_id": "i", "final_text": LONG}
    take(project, records.FEEDBACK, told)
    row = one(project, "feedback")
    hashed = hashlib.sha256(LONG.encode()).hexdigest() if policy == "full" else keyed(project, LONG)
    name = "sha256" if policy == "full" else "hmac"
    assert json.loads(row["metadata"])["cut"] == {"final_text": measures(LONG) | {name: hashed}}
    assert ("jane" in row["final_text"]) is (policy == "full")
