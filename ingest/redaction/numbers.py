"""Numbers that name a person or an account: payment cards, IBANs, telephone numbers, IP addresses. Pure.

Every pattern is bounded: a try at one place costs a fixed number of steps, so a text costs time in proportion to its
length whatever it holds. `[0-9]` on purpose: `\\d` would take digits of every script, and be slower.
"""

import re
import socket
from functools import lru_cache

_GAP = "[ \u00a0\u2009\u202f.\\-\u2010-\u2013/]"
_GAPS = "[ \u00a0\u2009\u202f.\\-\u2010-\u2013/()]{0,3}"
_ENDS = "(?![0-9A-Za-z_])"
# The head is one sign, so that the search for it is a walk over one set; what must stand before it is asked behind it.
_HEAD = "[+(0-9](?<![0-9A-Za-z_][+(0-9])(?<![0-9][./-][0-9])"
_NO_DATE = "(?![0-9]?[./-][0-9]{1,2}[./-][0-9]{2,4}(?![./-]?[0-9]))"
_FAMOUS = "14748364[78]|29496729[56]"  # the ends of 32 bits, behind their first digit

_CARD = (
    "(?<=[2-6])[0-9]{3}(?P<s>[ \u00a0.-]?)"
    "(?:[0-9]{4}(?P=s)[0-9]{4}(?P=s)[0-9]{1,4}(?:(?P=s)[0-9]{1,3})?|[0-9]{6}(?P=s)[0-9]{4,5})(?![0-9]|[.-][0-9])"
)
_PHONES = (
    f"(?<=\\+)\\(?[1-9](?:{_GAPS}[0-9]){{6,14}}",  # +49 30 1234567
    f"(?<=0)0[1-9](?:{_GAPS}[0-9]){{7,13}}",  # 0049 30 1234567
    f"(?<=0){_NO_DATE}(?!(?: ?[01]){{7}}|123456789)[1-9](?:{_GAPS}[0-9]){{7,13}}",  # 030 1234567
    f"(?<=\\()(?!(?:19|20)[0-9]{{2}}\\))(?:\\+[0-9]{{1,3}}|0[1-9][0-9]{{0,4}}|[1-9][0-9]{{1,4}}|0)\\)(?:{_GAP}{{0,2}}[0-9]){{5,11}}",
    f"(?<=1){_GAP}?\\(?[2-9][0-9]{{2}}\\)?{_GAP}{{0,2}}[0-9]{{3}}{_GAP}?[0-9]{{4}}",  # 1-800-555-0123
    "(?<=1)[3-9][0-9][ -]?[0-9]{4}[ -]?[0-9]{4}",  # 138 0013 8000
    "(?<=1)[38]00[ -][0-9]{3}[ -][0-9]{3}",  # 1800 123 456
    "(?<=8)[ -]?\\(?[3489][0-9]{2}\\)?[ -]?[0-9]{3}[ -]?[0-9]{2}[ -]?[0-9]{2}",  # 8 (495) 123-45-67
    "(?<=[1-9])[0-9]{2}(?P<t>[ ./\u2010-\u2013-])[0-9]{3}(?:(?P=t)|-)[0-9]{4}",  # 212-555-0123
    f"(?<=[2-9])(?!{_FAMOUS})[0-9]{{2}}[2-9][0-9]{{6}}",  # 2125550123
    "(?<=[6-9])[0-9]{4}[ -]?[0-9]{5}",  # 98765 43210
    "(?<=[1-9])[0-9] [0-9]{4,5}[ -][0-9]{4}",  # 11 91234-5678
    "(?<=[679])[0-9]{2} [0-9]{3} [0-9]{3}",  # 612 345 678
    "(?<=5)55-[0-9]{4}",  # 555-0123
)
_EXTENSION = "(?:,? ?(?:x|ext\\.?) ?[0-9]{1,5})?"
_CARD_OR_PHONE = re.compile(f"{_HEAD}(?:(?P<card>{_CARD})|(?P<phone>(?:{'|'.join(_PHONES)}){_EXTENSION}{_ENDS}))")

# Seven digits and more are a telephone number where a word before them says so.
_SOME_DIGITS = re.compile(f"[+(0-9](?<![0-9A-Za-z_][+(0-9])(?:{_GAPS}[0-9]){{6,14}}{_ENDS}")
_WORDS = (
    "phones?|tele?(?:fono?n?e?)?|mob(?:ile?)?|cell(?:phone)?|fax|whatsapp|viber|handy|m[óo]vil|celular|t[ée]l[ée](?:phone|fono)|"
    "portable|rufnummer|durchwahl|tlf|gsm|sms|msisdn|hotline|call|dial|text|ring|reach|тел|телефон"
)
_SAYS_PHONE = re.compile(
    f"(?:(?<![^\\W_])(?i:{_WORDS})|Phone|Mobile|Tel|Fax|Cell|电话|手机|電話|携帯|전화)"
    "[^\\w\n]{0,6}(?:(?i:number|no|nr|nummer|num[ée]ro|is|me|us|at|on|under)(?![^\\W\\d_])[^\\w\n]{0,3}){0,3}$"
)
_REACH = 40

_IPV4 = re.compile("[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}")
_TWO_COLONS = re.compile(":[0-9A-Fa-f]{0,4}:")
_OF_IPV6 = "0123456789abcdefABCDEF:."
_SHORTEST_IPV6, _LONGEST_IPV6 = 6, 45
_IPV6_ON = re.compile(f"[{_OF_IPV6}]{{1,{_LONGEST_IPV6}}}")

_IBAN_HEAD = re.compile("[A-Za-z]{2}[0-9]{2}(?<![0-9A-Za-z_][A-Za-z]{2}[0-9]{2})")
_LENGTHS = (
    "AD24 AE23 AL28 AO25 AT20 AZ28 BA20 BE16 BF28 BG22 BH22 BI27 BJ28 BR29 BY28 CF27 CG27 CH21 CI28 CM27 CR22 CV25 "
    "CY28 CZ24 DE22 DJ27 DK18 DO28 DZ26 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GA27 GB22 GE22 GI23 GL18 GQ27 GR27 GT28 "
    "GW25 HN28 HR21 HU28 IE22 IL23 IQ23 IR26 IS26 IT27 JO30 KM27 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MA28 "
    "MC27 MD24 ME22 MG27 MK19 ML28 MN20 MR27 MT31 MU30 MZ25 NE28 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 "
    "RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SN28 SO23 ST25 SV28 TD27 TG28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 "
    "YE30"
)
_IBAN_LENGTHS = {country: int(length) for country, length in re.findall("([A-Z]{2})([0-9]{2})", _LENGTHS)}
_IN_IBAN = "[ \u00a0-]?[0-9A-Za-z]"
_AS_DIGITS = {ord(letter): str(number) for number, letter in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZ", 10)}
_AS_DIGITS |= {ord(gap): "" for gap in " \u00a0-"}


def mask_cards_and_phones(text: str, before: str) -> str:
    """Replace card numbers that pass Luhn's check, and telephone numbers; `before` is what stands before the text."""
    text = _CARD_OR_PHONE.sub(_card_or_phone, text)

    def some_digits(found: re.Match[str]) -> str:
        start = found.start()
        said = text[max(0, start - _REACH) : start] if start >= _REACH else before[-_REACH:] + text[:start]
        return "[phone]" if says_phone(said) else found[0]

    return _SOME_DIGITS.sub(some_digits, text)


def says_phone(said: str) -> bool:
    """Whether the end of a text says that a telephone number follows."""
    return _SAYS_PHONE.search(said) is not None


def _card_or_phone(found: re.Match[str]) -> str:
    if found["card"] is None:
        return "[phone]"
    if is_card(found[0]):
        return "[card]"
    card, gap, rest = found[0].rpartition(found["s"] or "\0")  # the last group may be the date or the code behind it
    return f"[card]{gap}{rest}" if len(card) > 12 and is_card(card) else found[0]


def is_card(text: str) -> bool:
    """Whether the digits of a text are a card number: a known issuer's length, and Luhn's check (ISO/IEC 7812-1)."""
    digits = [ord(sign) - 48 for sign in text if "0" <= sign <= "9"]
    if not _is_issued(
        digits[0] * 10 + digits[1], digits[0] * 1000 + digits[1] * 100 + digits[2] * 10 + digits[3], len(digits)
    ):
        return False
    doubled = (digit * 2 - 9 if digit > 4 else digit * 2 for digit in digits[-2::-2])
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _is_issued(two: int, four: int, length: int) -> bool:
    """Whether an issuer whose numbers begin so gives numbers of this length."""
    if two in {34, 37}:
        return length == 15
    if two in {30, 36, 38, 39}:
        return length in {14, 16}
    if two < 30:
        return length == 16 and 2200 <= four <= 2720
    if two < 40:
        return two == 35 and length >= 16
    return length in {13, 16, 19} if two < 50 else length >= 16


def mask_ibans(text: str) -> str:
    """Replace IBANs of the length of their country whose check digits fit (ISO 13616, ISO 7064 mod 97)."""
    kept, done = [], 0
    for head in _IBAN_HEAD.finditer(text):
        length = _IBAN_LENGTHS.get(head[0][:2].upper())
        if length is None or head.start() < done:
            continue
        rest = _iban_rest(length).match(text, head.end())
        if rest and int((rest[0] + head[0]).upper().translate(_AS_DIGITS)) % 97 == 1:
            kept += [text[done : head.start()], "[iban]"]
            done = rest.end()
    return "".join([*kept, text[done:]]) if kept else text


@lru_cache
def _iban_rest(length: int) -> re.Pattern[str]:
    """What follows country and check digits of an IBAN of this length, in groups or not."""
    return re.compile(f"(?:{_IN_IBAN}){{{length - 4}}}{_ENDS}")


def mask_ipv4(text: str) -> str:
    """Replace IPv4 addresses: four numbers up to 255 and nothing like them around."""
    return _IPV4.sub(_ipv4, text)


def _ipv4(found: re.Match[str]) -> str:
    is_address = max(map(int, found[0].split("."))) < 256 and not _is_inside(
        found.string, found.start(), found.end(), "._"
    )
    return "[ip]" if is_address else found[0]


def mask_ipv6(text: str) -> str:
    """Replace IPv6 addresses; what is too short to name anybody, like the `::` of a program, stays."""
    kept, done = [], 0
    found = _TWO_COLONS.search(text)
    while found:
        at = found.start()
        on = _IPV6_ON.match(text, at)
        stop = on.end() if on else found.end()
        before = text[max(done, at - _LONGEST_IPV6) : at]
        start = at - len(before) + len(before.rstrip(_OF_IPV6))
        start, end = _without_signs(text, start, stop)
        if end - start >= _SHORTEST_IPV6 and is_ipv6(text[start:end]) and not _is_inside(text, start, end, "_"):
            kept += [text[done:start], "[ip]"]
            done = end
        found = _TWO_COLONS.search(text, max(stop, done))
    return "".join([*kept, text[done:]]) if kept else text


def _without_signs(text: str, start: int, end: int) -> tuple[int, int]:
    """A stretch without the full stops and single colons of the sentence around it."""
    end -= len(text[start:end]) - len(text[start:end].rstrip("."))
    end -= text.endswith(":", start, end) and not text.endswith("::", start, end)
    start += text.startswith(":", start, end) and not text.startswith("::", start, end)
    return start, end


def is_ipv6(written: str) -> bool:
    """Whether this is an address that says something: three groups or more, or a group of three digits."""
    groups = [group for group in written.split(":") if group]
    if not (len(groups) > 2 or any(len(group) > 2 for group in groups)) or not any(map(str.isdigit, written)):
        return False
    try:
        socket.inet_pton(socket.AF_INET6, written)
    except OSError:
        return False
    return True


def _is_inside(text: str, start: int, end: int, joins: str) -> bool:
    """Whether a stretch is part of something longer: a letter or digit touches it, or one of `joins` before a digit."""
    before, after = text[max(0, start - 1) : start], text[end : end + 1]
    if before and (before in joins or (before.isascii() and before.isalnum())):
        return True
    if after and after in joins:
        return text[end + 1 : end + 2].isdigit()
    return after.isascii() and after.isalnum()
