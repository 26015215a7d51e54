"""What masking finds and what it leaves alone, both as printed shares; and that no text can make it slow."""

import gzip
import json
import re
import time
from collections import Counter

import pytest

from dashboards.demo import answers
from ingest.redaction import numbers
from ingest.redaction.masking import PLACEHOLDERS, mask
from tests.ingest import secret_forms

MIB = 1 << 20
FORMS = 1_200
# What is masked in the demo's texts and is of its kind indeed, looked at one by one; its e-mail addresses are all real.
TRUE = {
    "562.903.9010 ext. 110", "817.949.2221 x144", "817.855.9158", "10.0.0.0", "192.168.0.0", "172.16.0.0", "127.0.0.1", "0.0.0.0",
    "10.0.1.0", "169.254.169.254", "192.168.1.1", "192.168.1.0", "123.123.123.123", "192.168.1.100", "192.168.0.100", "192.168.2.0",
    "10.255.255.255", "172.31.255.255", "192.168.255.255", "10.1.0.0", "username:password", "user:password",
}  # fmt: skip
AN_ADDRESS = re.compile(r"[\w.+'-]+@[\w-]+(\.[\w-]+)*\.[A-Za-z_]{2,}")


@pytest.mark.parametrize("placeholder", PLACEHOLDERS)
def test_at_least_99_percent_of_each_form_are_masked_and_nothing_around_them(placeholder, capsys):
    wrong = [(text, mask(text)) for text, wanted in secret_forms.examples(placeholder, FORMS) if mask(text) != wanted]
    share = 1 - len(wrong) / FORMS
    with capsys.disabled():
        print(f"\n  {placeholder:10} {share:7.2%} of {FORMS} forms masked", end="")
    assert share >= 0.99, wrong[:5]


def masked_in(text: str) -> list[tuple[str, str]]:
    """What was masked in a text and by what: (placeholder, what stood there)."""
    any_placeholder = re.compile("|".join(map(re.escape, PLACEHOLDERS)))
    masked, found, place = mask(text), [], 0
    if masked == text:
        return []
    kept, kinds = any_placeholder.split(masked), any_placeholder.findall(masked)
    for before, after, kind in zip(kept, kept[1:], kinds, strict=False):
        start = text.index(before, place) + len(before)
        place = text.index(after, start) if after else len(text)
        found.append((kind, text[start:place]))
    return found


def test_at_most_half_a_percent_of_the_demo_texts_are_masked_without_need(capsys):
    with gzip.open(answers.DATA, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    texts = [row[name] for row in rows for name in ("prompt", "output")]
    counted, with_false, needless = Counter(), 0, Counter()
    for text in texts:
        found = masked_in(text)
        wrong = [
            what for kind, what in found if what not in TRUE and not (kind == "[email]" and AN_ADDRESS.fullmatch(what))
        ]
        counted.update(kind for kind, _ in found)
        needless.update(wrong)
        with_false += bool(wrong)
    share = with_false / len(texts)
    with capsys.disabled():
        print(
            f"\n  {len(texts)} demo texts: {counted.total()} masks, {needless.total()} needless, {share:.3%} of texts touched by one"
        )
    assert counted["[email]"] > 200
    assert share <= 0.005, needless


LEFT_ALONE = (
    '{"handle":"@jane.example","a":"b","c":"@x.org"}',
    "On 2021-03-15 at 12:30:45 we shipped v1.2.3 to 4,500 users for $1,299.00.",
    "Between 1998 and 2004, 1990-1995, 01/02/2021 10:30, 12.05.2023",
    "Order 1000000000 of 2147483647, 4294967295, 0123456789 and 3.14159265358979323846",
    "std::vector<int> a; x[::2]; y[1::2]; f::a; std::dec; 12:30:45; a:b:c",
    "@dataclass and @property, user@localhost, package@1.2.3, an @ alone",
    "call_this_function_with_a_long_name, azurerm_application_gateway, api-gateway-east-us-01, https://example.com/2022/03/08/1045500/x",
    "4111 1111 1111 1112 is no card, DE88 3704 0044 0532 0130 00 no IBAN, 300.1.1.1 no address, nor is 1.2.3.4.5",
    "550e8400-e29b-41d4-a716-446655440000 and d41d8cd98f00b204e9800998ecf8427e",
    "10 20 30 40 50 60, 0.123 0.456 0.789, [100, 200, 300], 01101000 01100101 01101100",
    "The password field must not be longer-than-twenty-characters-in-all, token: single_partition_of_fp32_groups",
    "ISBN 978-3-16-148410-0, 0-306-40615-2",
)


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_what_only_looks_like_one_stays(text):
    assert mask(text) == text


MASKED = {
    "a@b.co": "[email]",
    f"{'a' * 60}@x.org": "[email]",
    "Jane <jane@x.org>, o'brien@x.ie and 'a@b.com'.": "Jane <[email]>, [email] and '[email]'.",
    "https://key@host.example.com/x": "https://[email]/x",
    "jane@example.com+49 30 1234567": "[email][phone]",
    "Card 4111111111111111, exp 12/27": "Card [card], exp 12/27",
    "4111 1111 1111 1111 12/27 123, 4111-1111-1111-1111-123": "[card] 12/27 123, [card]-123",
    '"jane doe"@example.com, mailto:x%40example.org?a': "[email], mailto:[email]?a",
    "postgresql://jane:s3cret@db.example.com/x": "postgresql://[api key]@db.example.com/x",
    "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY": "aws_secret_access_key = [api key]",
    "0049 (0)30 / 123 45 67, Durchwahl 12": "[phone], Durchwahl 12",
    "http://192.168.1.17:8080/ and http://[2001:db8::1]:80/": "http://[ip]:8080/ and http://[[ip]]:80/",
    "my_api_key = 'a1b2c3d4e5f6a7b8c9d0e1f2'": "my_api_key = '[api key]'",
    "Authorization: Bearer 3f9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c": "Authorization: Bearer [api key]",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA7bq1\n-----END RSA PRIVATE KEY-----\nx": "[api key]\nx",
    "-----BEGIN PRIVATE KEY-----\nMIIEowIBAAKCAQEA7bq1 that never ends": "[api key]",
}


@pytest.mark.parametrize("text", MASKED)
def test_secrets_are_masked_where_they_touch_other_things(text):
    assert mask(text) == MASKED[text]


def test_masking_again_changes_nothing():
    for placeholder in PLACEHOLDERS:
        for text, _ in secret_forms.examples(placeholder, 100, seed=2):
            assert mask(mask(text)) == mask(text)


def test_the_name_of_a_field_says_what_its_digits_are():
    assert mask("6123 4567", "phone: ") == "[phone]"
    assert mask("6123 4567", "order: ") == "6123 4567"


def test_luhn_and_mod_97_decide():
    assert numbers.is_card("4242 4242 4242 4242")
    assert not numbers.is_card("4242 4242 4242 4241")
    assert not numbers.is_card("1234567890123452")
    assert mask("GB82WEST12345698765432") == "[iban]"
    assert mask("GB82WEST12345698765433") == "GB82WEST12345698765433"


HOSTILE = {
    "digits": "1", "at signs": "@", "letters": "a", "blanks": " ", "brackets": "(", "plus digits": "+1", "a.": "a.", "a@": "a@", "a@a.": "a@a.",
    "1 ": "1 ", "1-": "1-", "(1": "(1", "a:": "a:", "::1 ": "::1 ", "DE12 ": "DE12 ", "01": "01", "tokens": "a" * 20 + " ", "sk-": "sk-",
    "eyJ.": "eyJaaaaaaaaaaaaaaaaaaaa.", "begin": "-----BEGIN ", "private": "-----BEGIN PRIVATE KEY-----", "secrets": "jane@example.com +49 30 1234567 ",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_text_of_a_mebibyte_costs_time_in_proportion_to_its_length(name):
    text = HOSTILE[name] * (MIB // len(HOSTILE[name]))
    small = min(_seconds(text[: MIB // 16]) for _ in range(2))
    # Sixteen times as long: what grows with the square would cost 256 times as much. A busy machine may slow either.
    assert _seconds(text) < 100 * small + 0.05


def _seconds(text: str) -> float:
    began = time.thread_time()
    mask(text)
    return time.thread_time() - began
