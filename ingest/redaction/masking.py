"""Replacing what names a person or opens an account by what it was: `[email]`, `[phone]`, `[card]`, … Pure.

Ordinary text has nothing to hide, so a few cheap looks over its bytes (a translation and a search each, about 1 ns a
sign) say which of the dear patterns are worth a try. Whatever the text holds, the time is in proportion to its length.
"""

import re
import string

from ingest.redaction import credentials, numbers

PLACEHOLDERS = ("[email]", "[phone]", "[card]", "[iban]", "[ip]", "[api key]")
SHORTEST = len("a@b.de")

_LETTERS = string.ascii_letters.encode()
_DIGITS = string.digits.encode()
_TOKEN_SIGNS = _LETTERS + _DIGITS + b"_-"
# Upper case as A, lower case as a, digits as 0: the shape of a text.
_SHAPE = bytes.maketrans(_LETTERS + _DIGITS, b"a" * 26 + b"A" * 26 + b"0" * 10)
_TOKENS = bytes(ord("x") if sign in _TOKEN_SIGNS else ord(" ") for sign in range(256))
# Signs that stand between the digits of one number; `?` is what Latin-1 makes of narrow blanks and long hyphens.
_BETWEEN = b" -.()/\xa0?"
_SEVEN_DIGITS = b"0" * 7
_LONG_TOKEN = b"x" * credentials.SHORTEST
_OCTET = re.compile(rb"\.0{1,3}\.")

_HOST = "[^\\W_][\\w-]{0,62}(?:\\.[^\\W_][\\w-]{0,62}){1,10}"
_DOMAIN, _DOMAIN_IN_ADDRESS = re.compile(f"@{_HOST}"), re.compile(f"%40{_HOST}")
# A local part, read backwards from its end.
_LOCAL = re.compile('"(?=[^"]*\\w)[\\w .+-]{1,62}"|[\\w+%-](?:[\\w.+%~-]|\'(?=\\w)){0,63}')
_LONGEST_LOCAL = 64


def mask(text: str, before: str = "") -> str:
    """Give the text with everything that is masked replaced.

    `before` is what stands before the text where it comes from, such as the name of a field: a number after "phone"
    is a telephone number.
    """
    if len(text) < SHORTEST:
        return text
    data = text.encode("latin-1", "replace")  # one byte a sign, so that places are the same
    tokens = data.translate(_TOKENS)
    shape = data.translate(_SHAPE)
    has_digits = _SEVEN_DIGITS in shape.translate(None, _BETWEEN)
    if _LONG_TOKEN in tokens:
        text = credentials.mask_keys(text, tokens)
        if "-----BEGIN " in text:
            text = credentials.mask_private_keys(text)
    if "ecret" in text or "ECRET" in text:
        text = credentials.mask_aws_secrets(text)
    if "@" in text:
        text = mask_emails(credentials.mask_sign_ins(text), _DOMAIN)
    if "%40" in text:
        text = mask_emails(text, _DOMAIN_IN_ADDRESS)
    if ":" in text:
        text = numbers.mask_ipv6(text)
    if _OCTET.search(shape):
        text = numbers.mask_ipv4(text)
    if b"AA00" in shape or b"aa00" in shape:
        text = numbers.mask_ibans(text)
    return numbers.mask_cards_and_phones(text, before) if has_digits else text


def mask_emails(text: str, domains: re.Pattern[str]) -> str:
    """Replace e-mail addresses, with letters of any script."""
    kept, done = [], 0
    for domain in domains.finditer(text):
        at = domain.start()
        local = _LOCAL.match(text[max(done, at - _LONGEST_LOCAL) : at][::-1])
        name = domain[0].rpartition(".")[2]
        if local and len(name) > 1 and not name.isdigit():
            kept += [text[done : at - local.end()], "[email]"]
            done = domain.end()
    return "".join([*kept, text[done:]]) if kept else text


def mask_number(number: int, name: str) -> int | str:
    """A whole number from JSON: a placeholder when it is a card's, or when the name of its field calls it a telephone's."""
    digits = str(number)
    if len(digits) > 12 and numbers.is_card(digits):
        return "[card]"
    return "[phone]" if len(digits) > 6 and numbers.says_phone(f"{name}: ") else number
