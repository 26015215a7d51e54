"""One item of each kind, as an app would send it, and addresses that find what these items make; a test asks every one."""

from collections.abc import Mapping
from typing import Any

from observatory.metrics.baselines.shapes import EXAMPLE as PINNED

EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "interaction": {
        "id": "wd-1",
        "feature": "write-draft",
        "model": "gpt-4o-mini",
        "provider": "openai",
        "prompt": "Where is my refund?",
        "output": "It was released this morning.",
        "latency_ms": 840,
        "input_tokens": 431,
        "output_tokens": 176,
        "user_id": "u-20913",
    },
    "feedback": {"id": "fb-1", "interaction_id": "wd-1", "kind": "thumb", "value": "up", "user_id": "u-20913"},
    "cost": {
        "id": "co-1",
        "component": "human_review",
        "amount_usd": "0.45",
        "feature": "write-draft",
        "description": "one draft read by an editor",
    },
    "change": {"id": "ch-1", "kind": "prompt", "title": "Shorter drafts", "feature": "write-draft", "version": "v12"},
    "user": {"id": "us-1", "user_id": "u-20913", "event": "activated", "feature": "write-draft", "tier": "pro"},
    "figure": {"id": "fi-1", "month": "2026-01", "name": "revenue_usd", "tier": "pro", "value": "48200.00"},
}
FILLING: Mapping[str, Any] = {
    "output": "It was released this morning.",
    "output_tokens": 176,
    "time_to_first_token_ms": 310,
}
"""What comes later to the interaction above: sent after it, it fills what is new and is in no conflict with what is there."""

QUERIES: Mapping[str, str] = {
    "metrics": "calls,cost_total",
    "window": "7d",
    "limit": "20",
    "group_by": "feature",
    "state": "open",
    "q": "refund",
}
PLACES: Mapping[str, str | int] = {
    "interactions/{id}": EXAMPLES["interaction"]["id"],
    "users/{id}": EXAMPLES["user"]["user_id"],
    "metrics/{name}": "thumbs_up_rate",
    "metrics/{name}/distribution": "latency_p95",
    "baselines/{name}": PINNED["name"],
    "baselines/{name}/comparison": PINNED["name"],
    "incidents/{number}": 1,
    "findings/{number}": 1,
}
"""The variable of an address, by the address under /api/v1/."""

NARROWED: Mapping[str, Mapping[str, str]] = {
    "baselines/{name}": {"feature": PINNED["feature"]},
    "baselines/{name}/comparison": {"feature": PINNED["feature"]},
}
"""What some addresses are asked besides `QUERIES`."""
