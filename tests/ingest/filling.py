"""PATCH without HTTP, and what it answers."""

import json
from datetime import timedelta

from ingest import patching, timeline
from ingest.normalise import Receipt

NOW = timeline.now()
AT = NOW - timedelta(days=3)
CALL = {"id": "call", "feature": "write", "prompt": "Say it.", "occurred_at": AT.isoformat()}


def fill(project, body, id="call", at=None):
    """The same in this process."""
    kept = {"raw_horizon": project.raw_horizon, "raw_days": project.raw_days}
    receipt = Receipt(project.id, project.time_zone, at or timeline.now(), text_policy=project.text_policy, **kept)
    return patching.patch(id, json.dumps(body).encode(), receipt)


def fates(answer):
    results = (
        answer.json()["results"]
        if hasattr(answer, "json")
        else [{"field": r.field, "status": r.status} for r in answer.results]
    )
    return {result["field"]: result["status"] for result in results}
