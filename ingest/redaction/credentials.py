"""Keys that open something: the shapes that services give their API keys, and tokens that are called secrets. Pure."""

import re

SHORTEST = 20
"""Signs of the shortest token that is looked at; letters, digits, `_` and `-` make a token."""

_REST = "[A-Za-z0-9_-]"
# Words that also begin ordinary names: what follows must look drawn by lot.
_COMMON = "sk|pk|rk|sess|secret|key|api|fc|fly|fw|ops|pul|obs|vercel|jina"
_OWN = (
    "[spr]k_(?:live|test)|sk-(?:proj|svcacct|admin|ant|or)|[ps]k-lf|whsec|hf|r8|gsk|pplx|xai|nvapi|pcsk|tvly|lsv2_(?:pt|sk)|"
    "gh[opusr]|github_pat|gl(?:pat|dt|rt|ptt|cbt|sa|c)|npm|pypi|rubygems|dckr_pat|do[oprt]_v1|sbp|sb_secret|nfp|figd|ntn|"
    "lin_api|sntry[su]|shp(?:at|ca|pa|ss)|shippo_(?:live|test)|sq0[a-z]{3}|xkeysib|CFPAT|tfp|sgp|rdme|pnu"
)
_SHAPE = re.compile(
    "|".join(
        (
            f"(?:{_OWN})[-_]{_REST}{{20,}}",  # OpenAI, Anthropic, Stripe, GitHub, Groq, DigitalOcean, Supabase, Shopify …
            f"(?P<common>(?:{_COMMON})[-_]{_REST}{{14,}})",  # older keys of OpenAI and whoever calls his so
            "A(?:KIA|SIA|ROA|IDA|NPA|BIA|CCA)[A-Z0-9]{16}",  # AWS
            f"(?:AIza|ya29\\.|GOCSPX-){_REST}{{20,}}",  # Google
            f"(?:xox[abeoprs]|xapp)-{_REST}{{10,}}",  # Slack
            "(?:SK|AC)[0-9a-f]{32}",  # Twilio
            f"SG\\.{_REST}{{16,}}\\.{_REST}{{16,}}",  # SendGrid
            f"eyJ{_REST}{{8,}}\\.eyJ{_REST}{{6,}}(?:\\.{_REST}*)?",  # JSON web tokens
            f"hv[sbr]\\.{_REST}{{20,}}",  # Vault
            f"[0-9]{{8,10}}:AA{_REST}{{30,}}",  # Telegram
            f"[MNO]{_REST}{{23,27}}\\.{_REST}{{6}}\\.{_REST}{{27,}}",  # Discord
            "[0-9a-f]{32}-us[0-9]{1,2}",  # Mailchimp
            "(?:dapi|dkea)[0-9a-f]{32}",  # Databricks
            "pat[A-Za-z0-9]{14}\\.[0-9a-f]{64}",  # Airtable
            "(?:NRAK-|PMAK-|AGE-SECRET-KEY-1|ATATT3)[A-Za-z0-9_=-]{20,}",  # New Relic, Postman, age, Atlassian
        )
    )
)
# `Authorization: Bearer …`, `api_key = "…"`, `"client_secret": "…"`: the name says what the token is.
_SAYS_SECRET = re.compile(
    "(?:[Kk]ey|KEY|[Tt]oken|TOKEN|[Ss]ecret|SECRET|[Pp]assword|PASSWORD|[Bb]earer)[\"']?(?: ?(?:=>|[:=]) ?|=| )[\"'`]?$"
)
_TURNS = re.compile("[0-9](?=[A-Za-z])|[A-Za-z](?=[0-9])|[a-z](?=[A-Z]{2})")
_TOKEN_ON = re.compile("[A-Za-z0-9_+/=~.-]*")
_REACH = 24
# AWS gives its secrets no shape of their own: forty signs of base64 behind their name.
_AWS_SECRET = re.compile(
    "(?P<name>(?:ecret|ECRET)[A-Za-z_ ]{0,16}[\"']?(?: ?(?:=>|[:=]) ?| )[\"'`]?)[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])"
)
_SIGN_IN = re.compile("://[^\\s/@:]{0,100}:[^\\s/@]{1,200}@")
_PEM = "-----BEGIN "
_PEM_NAME = re.compile("[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_PEM_END = "-----END "


def mask_keys(text: str, tokens: bytes) -> str:
    """Replace API keys. `tokens` has an `x` for each sign of the text that a token is made of, else a blank."""
    kept, done = [], 0
    wanted = b"x" * SHORTEST
    at = tokens.find(wanted)
    while at >= 0:
        end = tokens.find(b" ", at)
        end = len(text) if end < 0 else end
        if at >= done:
            start, stop = _key(text, tokens, at, end)
            if stop:
                kept += [text[done:start], "[api key]"]
                done = stop
        at = tokens.find(wanted, end)
    return "".join([*kept, text[done:]]) if kept else text


def _key(text: str, tokens: bytes, start: int, end: int) -> tuple[int, int]:
    """Where the key that the token `start:end` belongs to begins and ends; (0, 0) when it is no key."""
    if text[start - 1 : start] in {".", ":"}:  # what stands before a dot may be the key's first part
        first = tokens.rfind(b" ", 0, start - 1) + 1
        found = _SHAPE.match(text, first)
        if found and found.end() > start:
            return first, found.end()
    found, is_random = _SHAPE.match(text, start), _is_random(text[start:end])
    if found and (is_random or not found["common"]):
        return start, found.end()
    if is_random and _SAYS_SECRET.search(text[max(0, start - _REACH) : start]):
        rest = _TOKEN_ON.match(text, end)
        return start, rest.end() if rest else end
    return 0, 0


def _is_random(token: str) -> bool:
    """Whether a token looks drawn by lot: letters and digits in turn, as no name has them."""
    return len(_TURNS.findall(token[:200])) > 2


def mask_sign_ins(text: str) -> str:
    """Replace name and password in addresses, as in `postgresql://name:password@host`."""
    return _SIGN_IN.sub("://[api key]@", text)


def mask_aws_secrets(text: str) -> str:
    """Replace the secret halves of AWS keys."""
    return _AWS_SECRET.sub("\\g<name>[api key]", text)


def mask_private_keys(text: str) -> str:
    """Replace private keys in PEM form; one that does not end takes the rest of the text."""
    kept, done = [], 0
    at = text.find(_PEM)
    while at >= 0:
        name = _PEM_NAME.match(text, at + len(_PEM))
        if name:
            closing = text.find(_PEM_END, name.end())
            end = text.find("-----", closing + len(_PEM_END)) if closing >= 0 else -1
            kept += [text[done:at], "[api key]"]
            done = end + len("-----") if end >= 0 else len(text)
        at = text.find(_PEM, max(done, at + 1))
    return "".join([*kept, text[done:]]) if kept else text
