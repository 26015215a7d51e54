"""What an erasure clears of the outbox: messages that quote the user's id.

Messages are made of rules, features and numbers, and quote nobody. Names are people's, though, and somebody may have
called a rule after a user: the id is taken out of every text of a message that is kept.
"""

import json
import re
from typing import Any

from django.db import connection

from ingest.erasure.registry import Done, Step, Subject

ERASED = "(erased)"
SHORTEST_WORD = 6
"""Shorter ids are taken out only where they are the whole text: `7` stands in many sentences that are not about a user."""

AT_ONCE = 500
OUTBOX = """
    SELECT id, CASE WHEN position(%(quoted)s IN content::text) > 0 THEN content END
    FROM delivery WHERE project_id = %(project)s AND id > %(after)s ORDER BY id LIMIT %(limit)s
"""
REPLACE = "UPDATE delivery SET content = %s WHERE project_id = %s AND id = %s"


def without(content: Any, user_id: str) -> Any:
    """The same JSON with the id taken out of its texts."""
    if isinstance(content, str):
        if content == user_id:
            return ERASED
        if len(user_id) < SHORTEST_WORD:
            return content
        return re.sub(rf"(?<!\w){re.escape(user_id)}(?!\w)", ERASED, content)
    if isinstance(content, list):
        return [without(part, user_id) for part in content]
    if isinstance(content, dict):
        return {name: without(part, user_id) for name, part in content.items()}
    return content


def messages(subject: Subject, place: str) -> Done:
    """Take the user's id out of some messages, whether they were sent or wait."""
    as_stored = json.dumps(subject.user_id, ensure_ascii=False)[1:-1]
    asked: dict[str, Any] = {
        "project": subject.project_id,
        "quoted": as_stored,
        "after": int(place or 0),
        "limit": AT_ONCE,
    }
    changed = 0
    with connection.cursor() as cursor:
        cursor.execute(OUTBOX, asked)
        found = cursor.fetchall()
        for id, stored in found:
            content = json.loads(stored) if isinstance(stored, str) else stored
            better = without(content, subject.user_id)
            if better != content:
                cursor.execute(REPLACE, [json.dumps(better), subject.project_id, id])
                changed += 1
    return Done({"messages": changed}, str(found[-1][0]) if len(found) == AT_ONCE else None)


STEP = Step("messages", messages)
