"""Commands that send what is missing, to copy from an empty place."""

import re
from datetime import date

from django.conf import settings

FEEDBACK = {
    "outcome": '"value": "completed"',
    "acceptance": '"value": "accepted"',
    "flag": '"category": "wrong"',
    "rating": '"value": 4, "scale": 5',
    "correction": '"final_text": "What was sent in the end."',
    "thumb": '"value": "up"',
    "escalation": '"reason": "asked for a person"',
}


def post(path: str, body: str) -> str:
    """The command that posts one item."""
    return _curl(path, body)


def _curl(path: str, body: str) -> str:
    return (
        f"curl {settings.PUBLIC_URL}/api/v1/{path} \\\n"
        '  -H "Authorization: Bearer $OBSERVATORY_KEY" \\\n'
        '  -H "Content-Type: application/json" \\\n'
        f"  -d '{body}'"
    )


def first_interaction() -> str:
    """The command that sends a project's first interaction."""
    return _curl(
        "interactions",
        '{"feature": "write-draft", "model": "gpt-4o-mini", "prompt": "Hi", "output": "Hello", "latency_ms": 310}',
    )


def harmless(name: str, instead: str) -> str:
    """A name that somebody sent, fit to stand in a command that people copy into a shell; else the other one."""
    return name if re.fullmatch(r"[A-Za-z0-9][\w.:/-]{0,99}", name, re.ASCII) else instead


def figure(name: str, month: date, value: str, tier: str = "") -> str:
    """The command that sends a figure of a month; of a tier, where its name can stand in a command."""
    of_tier = f'"tier": "{harmless(tier, "pro")}", ' if tier else ""
    return _curl("figures", f'{{"month": "{month:%Y-%m}", {of_tier}"name": "{name}", "value": {value}}}')


def interaction(field: str) -> str:
    """The command that sends an interaction with a field (as JSON: `"cache": "exact"`) that many leave out."""
    return _curl("interactions", f'{{"feature": "write-draft", "model": "gpt-4o-mini", {field}}}')


def feedback(kind: str) -> str:
    """The command that sends one feedback of a kind; empty for kinds without an example."""
    if kind not in FEEDBACK:
        return ""
    return _curl("feedback", f'{{"interaction_id": "wd-1", "kind": "{kind}", {FEEDBACK[kind]}}}')
