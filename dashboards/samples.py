"""Commands that send what is missing, to copy from an empty place."""

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


def feedback(kind: str) -> str:
    """The command that sends one feedback of a kind; empty for kinds without an example."""
    if kind not in FEEDBACK:
        return ""
    return _curl("feedback", f'{{"interaction_id": "wd-1", "kind": "{kind}", {FEEDBACK[kind]}}}')
