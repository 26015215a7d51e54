"""Made-up e-mail addresses, telephone numbers, cards, IBANs, IP addresses and API keys, in the forms people write them."""

import base64
import json
import random
import re
import string
import uuid
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address

# Each with {} where the secret stands; nothing else in them is one.
PLACES = (
    "{}",
    "{}\n",
    "Please write to {} before Friday.",
    "Is it {}?",
    "Contact ({}), thanks!",
    "My data: {}, and so on.",
    "Two of them:\n- {}\n- none",
    '{{"value":"{}","other":null}}',
    '{{"message": "I am {} and I need help", "tags": ["a", "b"]}}',
    "name;{};city",
    "Meine Angaben lauten {} – danke",
    "我的是 {} 谢谢",
    "`{}`",
    '"{}"',
    "'{}'",
    "<td>{}</td>",
    "| a | {} | b |",
    "**{}**",
    "x = '{}'  # a comment",
    "[{}](https://example.com/page)",
)

# National and international forms: # is any digit, N is 2 to 9, X is 1 to 9. What stands before | is no part of the number.
PHONES = (
    # North America
    "(N##) N##-####", "N##-N##-####", "N##.N##.####", "N## N## ####", "+1 N## N## ####", "+1-N##-N##-####", "+1 (N##) N##-####",
    "1-N##-N##-####", "1 (N##) N##-####", "+1N##N######", "+1.N##.N##.####", "1-800-N##-####", "(N##)N##-####", "N##N######",
    "(N##) N##-#### ext. ###", "N##-N##-#### x###", "+1 N##-N##-####", "(N##) 555-01##", "123-###-####", "123.###.####", "N##/N##-####", "N##-555-01##",
    # Britain, Ireland
    "020 7### ####", "+44 20 7### ####", "+44 (0)20 7### ####", "07### ######", "07#########", "+44 7### ######", "+447#########",
    "0161 ### ####", "01### ######", "0800 ### ####", "(020) 7### ####", "0044 7### ######", "+353 1 ### ####", "087 ### ####",
    # Germany, Austria, Switzerland
    "030 #######", "030/########", "0151 ########", "0151-########", "+49 30 #######", "+49 (0)30 ########", "+49 151 ########",
    "+4915#########", "0049 89 ######", "089 / ### ### ##", "(030) ########", "06221-######", "+43 1 #######", "0664 #######",
    "+43 664 #######", "044 ### ## ##", "+41 44 ### ## ##", "079 ### ## ##", "+41 79 ### ## ##", "0041 79 ### ## ##",
    # France, Belgium, Netherlands, Luxembourg
    "06 ## ## ## ##", "06.##.##.##.##", "06########", "+33 6 ## ## ## ##", "+33 (0)1 ## ## ## ##", "01-##-##-##-##", "0033 6 ## ## ## ##",
    "+32 2 ### ## ##", "0470 ## ## ##", "+32 470 ## ## ##", "06-########", "020-#######", "+31 6 ########", "+31 20 ### ####", "+352 ## ## ## ##",
    # Spain, Portugal, Italy
    "6## ### ###", "9## ### ###", "+34 6## ### ###", "+34 91 ### ## ##", "+346########", "+351 91# ### ###", "91# ### ###", "06 #### ####",
    "+39 06 #### ####", "+39 347 ### ####", "347 ### ####", "02 ########",
    # The north
    "+46 70 ### ## ##", "070-### ## ##", "08-### ### ##", "+47 ### ## ###", "+47 ## ## ## ##", "+45 ## ## ## ##", "+45 #### ####", "+358 40 ### ####",
    "040 ### ####", "+354 ### ####",
    # The east
    "+48 ### ### ###", "+48 ## ### ## ##", "+420 ### ### ###", "+421 9## ### ###", "+36 30 ### ####", "+40 7## ### ###", "07## ### ###",
    "+7 (495) ###-##-##", "+7 9## ### ## ##", "8 (495) ###-##-##", "8-9##-###-##-##", "+380 67 ### ## ##", "067 ### ## ##", "+30 21# ### ####",
    "+90 532 ### ## ##", "0532 ### ## ##", "+359 88 ### ####", "+385 91 ### ####", "+381 6# ### ####",
    # Asia and Oceania
    "+91 98### #####", "98### #####", "+91-9#########", "09#########", "98########", "+86 138 #### ####", "138 #### ####", "138########", "+86138########",
    "+81 3-####-####", "03-####-####", "090-####-####", "+81 90 #### ####", "+82 10-####-####", "010-####-####", "+65 8### ####", "+65 6#######",
    "+852 #### ####", "+886 9## ### ###", "0912-###-###", "+66 8# ### ####", "+62 812-####-####", "0812-####-####", "+63 917 ### ####", "+84 9# ### ## ##",
    "+61 4## ### ###", "04## ### ###", "(02) 9### ####", "+61 2 9### ####", "1800 ### ###", "1300 ### ###", "+64 21 ### ####", "021 ### ####",
    "+92 300 #######", "0300-#######", "+880 1712-######", "+94 77 ### ####",
    # Africa, the Near East, Latin America
    "+27 82 ### ####", "082 ### ####", "+234 803 ### ####", "0803 ### ####", "+254 7## ######", "+20 10 #### ####", "+212 6## ## ## ##", "+971 50 ### ####",
    "050-### ####", "+966 5# ### ####", "+972 54-###-####", "054-###-####", "+98 912 ### ####", "+55 11 9####-####", "(11) 9####-####", "11 9####-####",
    "(11) ####-####", "+52 55 #### ####", "55 #### ####", "+54 9 11 ####-####", "+56 9 #### ####", "+57 3## ### ####", "+51 9## ### ###", "+58 412-#######",
    # Where a word says what it is
    "phone: |X#######", "Tel. |## ## ## ##", "mobile |X### ####", "Call me at |X######", "fax no. |X##-####", "WhatsApp: |X########", 'phone": "|6### ####',
    "Tel: |555-####", "user_phone=|X########", "电话: |X#######",
)  # fmt: skip

# Country, then the BBAN: n digits, a letters, c either.
IBANS = (
    "AD 8n12c", "AE 19n", "AL 8n16c", "AT 16n", "AZ 4a20c", "BA 16n", "BE 12n", "BG 4a6n8c", "BH 4a14c", "BR 23n1a1c", "CH 5n12c", "CR 18n",
    "CY 8n16c", "CZ 20n", "DE 18n", "DK 14n", "DO 4c20n", "EE 16n", "EG 25n", "ES 20n", "FI 14n", "FO 14n", "FR 10n11c2n", "GB 4a14n", "GE 2a16n",
    "GI 4a15c", "GL 14n", "GR 7n16c", "GT 4c20c", "HR 17n", "HU 24n", "IE 4a14n", "IL 19n", "IQ 4a15n", "IS 22n", "IT 1a10n12c", "JO 4a4n18c",
    "KW 4a22c", "KZ 3n13c", "LB 4n20c", "LC 4a24c", "LI 5n12c", "LT 16n", "LU 3n13c", "LV 4a13c", "MC 10n11c2n", "MD 2c18c", "ME 18n", "MK 3n10c2n",
    "MR 23n", "MT 4a5n18c", "MU 4a19n3a", "NL 4a10n", "NO 11n", "PK 4a16c", "PL 24n", "PS 4a21c", "PT 21n", "QA 4a21c", "RO 4a16c", "RS 18n",
    "SA 2n18c", "SC 4a20n3a", "SE 20n", "SI 15n", "SK 20n", "SM 1a10n12c", "SV 4a20n", "TL 19n", "TN 20n", "TR 5n1n16c", "UA 6n19c", "VA 18n", "VG 4a16n",
    "XK 16n",
)  # fmt: skip

# Prefix, lengths, and the groups they are written in.
CARDS = (
    ("4", 16, (4, 4, 4, 4)), ("4", 13, (13,)), ("4", 19, (4, 4, 4, 4, 3)), ("51", 16, (4, 4, 4, 4)), ("55", 16, (4, 4, 4, 4)), ("2221", 16, (4, 4, 4, 4)),
    ("2720", 16, (4, 4, 4, 4)), ("2200", 16, (4, 4, 4, 4)), ("34", 15, (4, 6, 5)), ("37", 15, (4, 6, 5)), ("36", 14, (4, 6, 4)), ("305", 14, (4, 6, 4)),
    ("38", 14, (4, 6, 4)), ("6011", 16, (4, 4, 4, 4)), ("65", 16, (4, 4, 4, 4)), ("3528", 16, (4, 4, 4, 4)), ("62", 16, (4, 4, 4, 4)), ("62", 19, (4, 4, 4, 4, 3)),
    ("5018", 16, (4, 4, 4, 4)), ("6304", 16, (4, 4, 4, 4)),
)  # fmt: skip

HEX, WORD, TOKEN = "0123456789abcdef", string.ascii_letters + string.digits, string.ascii_letters + string.digits + "-_"


def of(chance: random.Random, signs: str, count: int) -> str:
    """So many signs by lot."""
    return "".join(chance.choice(signs) for _ in range(count))


def emails(chance: random.Random) -> Iterator[str]:
    """Addresses with tags, digits, letters of other scripts, many kinds of domain."""
    names = [
        "anna",
        "maria.lopez",
        "j.smith",
        "jane_doe",
        "o'neill",
        "müller.jürgen",
        "x",
        "li-wei",
        "info",
        "no-reply",
        "12345",
        "王伟",
        "иван",
        "a.b.c.d",
        "first.last+news",
        "USER",
        "user%relay",
    ]
    domains = [
        "example.com",
        "mail.example.co.uk",
        "gmail.com",
        "web.de",
        "uni-köln.de",
        "company.photography",
        "a.io",
        "sub.sub2.example.museum",
        "163.com",
        "пример.рф",
        "x-y.org",
        "Proton.ME",
        "xn--bcher-kva.example",
    ]
    while True:
        yield f"{chance.choice(names)}{chance.choice(('', '', chance.randrange(1_000)))}@{chance.choice(domains)}"


def phones(chance: random.Random) -> Iterator[str]:
    """Every form in turn."""
    signs = {"#": string.digits, "N": "23456789", "X": "123456789"}
    while True:
        for form in PHONES:
            yield "".join(chance.choice(signs[sign]) if sign in signs else sign for sign in form)


def luhn_digit(digits: str) -> str:
    """The digit that completes a card number."""
    doubled = [
        sum(divmod(int(digit) * 2, 10)) if place % 2 == 0 else int(digit) for place, digit in enumerate(digits[::-1])
    ]
    return str(-sum(doubled) % 10)


def cards(chance: random.Random) -> Iterator[str]:
    """Numbers of many issuers, in one piece or in groups."""
    while True:
        for prefix, length, sizes in CARDS:
            digits = prefix + of(chance, string.digits, length - len(prefix) - 1)
            rest, groups = digits + luhn_digit(digits), []
            for size in sizes:
                groups.append(rest[:size])
                rest = rest[size:]
            yield chance.choice(("", "", " ", "-", ".", "\u00a0")).join(groups)


def ibans(chance: random.Random) -> Iterator[str]:
    """Numbers of every country, in groups or not."""
    sets = {"n": string.digits, "a": string.ascii_uppercase, "c": string.ascii_uppercase + string.digits}
    while True:
        for one in IBANS:
            country, parts = one.split()
            account = "".join(
                of(chance, sets[kind], int(count)) for count, kind in re.findall("([0-9]+)([nac])", parts)
            )
            number = int("".join(str(int(sign, 36)) for sign in f"{account}{country}00"))
            written = f"{country}{98 - number % 97:02}{account}"
            groups = [written[start : start + 4] for start in range(0, len(written), 4)]
            yield chance.choice(
                (written, written, " ".join(groups), " ".join(groups), "-".join(groups), written.lower())
            )


def addresses(chance: random.Random) -> Iterator[str]:
    """Both kinds of IP address, the long one in all its clothes."""
    while True:
        number = IPv6Address(chance.getrandbits(128))
        short = IPv6Address((0x20010DB8 << 96) + chance.getrandbits(32))
        yield str(IPv4Address(chance.getrandbits(32)))
        yield str(IPv4Address(chance.choice((0x0A000000, 0xC0A80000)) + chance.getrandbits(16)))
        yield chance.choice((str(number), number.exploded, str(number).upper()))
        yield chance.choice(
            (
                str(short),
                f"fe80::{chance.getrandbits(16):x}:{chance.getrandbits(16):x}",
                f"::ffff:{IPv4Address(chance.getrandbits(32))}",
            )
        )


def keys(chance: random.Random) -> Iterator[str]:
    """One key of each service in turn."""
    upper = string.ascii_uppercase + string.digits

    def token(count: int) -> str:
        return of(chance, WORD, count)

    def hexadecimal(count: int) -> str:
        return of(chance, HEX, count)

    def part(value: str) -> str:
        return base64.urlsafe_b64encode(value.encode()).decode().rstrip("=")

    head = json.dumps({"alg": "HS256", "typ": "JWT"})
    while True:
        yield from (
            f"sk-{token(48)}", f"sk-proj-{token(74)}T3BlbkFJ{token(74)}", f"sk-ant-api03-{of(chance, TOKEN, 93)}AA", f"sk-or-v1-{hexadecimal(64)}",
            f"AKIA{of(chance, upper, 16)}", f"ASIA{of(chance, upper, 16)}", f"ghp_{token(36)}", f"gho_{token(36)}", f"github_pat_{token(22)}_{token(59)}",
            f"glpat-{of(chance, TOKEN, 20)}", f"xoxb-{of(chance, string.digits, 12)}-{of(chance, string.digits, 12)}-{token(24)}", f"xapp-1-A{of(chance, upper, 10)}-{token(20)}",
            f"AIza{of(chance, TOKEN, 35)}", f"ya29.{of(chance, TOKEN, 60)}", f"GOCSPX-{of(chance, TOKEN, 28)}", f"sk_live_{token(24)}", f"pk_test_{token(24)}",
            f"rk_live_{token(24)}", f"whsec_{token(32)}", f"SK{hexadecimal(32)}", f"AC{hexadecimal(32)}", f"SG.{of(chance, TOKEN, 22)}.{of(chance, TOKEN, 43)}",
            f"npm_{token(36)}", f"pypi-AgEIcHlwaS5vcmc{of(chance, TOKEN, 80)}", f"hf_{token(34)}", f"gsk_{token(52)}", f"xai-{token(80)}", f"pplx-{token(48)}",
            f"r8_{token(37)}", f"nvapi-{of(chance, TOKEN, 64)}", f"dop_v1_{hexadecimal(64)}", f"shpat_{hexadecimal(32)}", f"dapi{hexadecimal(32)}",
            f"{hexadecimal(32)}-us{chance.randrange(1, 22)}", f"hvs.{of(chance, TOKEN, 90)}", f"lin_api_{token(40)}", f"ntn_{token(46)}", f"sbp_{hexadecimal(40)}",
            f"pk-lf-{uuid.UUID(int=chance.getrandbits(128))}", f"sk-lf-{uuid.UUID(int=chance.getrandbits(128))}", f"NRAK-{of(chance, upper, 27)}",
            f"{part(head)}.{part(json.dumps({'sub': chance.randrange(10**9)}))}.{of(chance, TOKEN, 43)}",
            f"{of(chance, string.digits, 9)}:AA{of(chance, TOKEN, 33)}", f"obs_live_{token(8)}_{token(32)}_{token(6)}",
        )  # fmt: skip


Kind = Callable[[random.Random], Iterator[str]]
KINDS: dict[str, Kind] = {
    "[email]": emails, "[phone]": phones, "[card]": cards, "[iban]": ibans, "[ip]": addresses, "[api key]": keys,
}  # fmt: skip


def examples(placeholder: str, count: int, seed: int = 1) -> Iterator[tuple[str, str]]:
    """So many secrets of a kind, each as a text that holds it and the same text with the placeholder instead."""
    chance = random.Random(f"{placeholder} {seed}")
    made = KINDS[placeholder](chance)
    for number in range(count):
        before, _, secret = next(made).rpartition("|")
        place = PLACES[number % len(PLACES)] if number < 2 * len(PLACES) else chance.choice(PLACES)
        yield place.format(before + secret), place.format(before + placeholder)
