"""What providers let a project do in a minute, as people entered it, and how much of that its busiest minute used."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db import connection

from ingest.projects.access import current_project


@dataclass(frozen=True, slots=True)
class Limit:
    """A provider's limit for one model, or for all of its together (`model` is empty); None is no limit."""

    provider: str
    model: str = ""
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None


@dataclass(frozen=True, slots=True)
class Peak:
    """The most calls and the most tokens in one minute of a window; not necessarily the same minute."""

    calls: int = 0
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Use:
    """The largest share of a limit that one minute used."""

    limit: Limit
    share: float
    peak: Peak


Peaks = Mapping[tuple[str, str], Peak]
"""(provider, model) → its peak. An empty model is all of the provider's; an empty provider is whoever serves it."""


def use_of(limits: Sequence[Limit], peaks: Peaks) -> list[Use]:
    """Each limit beside the peak of what it limits, the most used first; limits without any traffic are left out.

    A limit on a model is held against the pair's own peak, or else against the model's with whatever provider.
    """
    found = []
    for limit in limits:
        peak = peaks.get((limit.provider, limit.model)) or (peaks.get(("", limit.model)) if limit.model else None)
        if peak and (peak.calls or peak.tokens):
            pairs = ((peak.calls, limit.requests_per_minute), (peak.tokens, limit.tokens_per_minute))
            found.append(Use(limit, max(used / most for used, most in pairs if most), peak))
    return sorted(found, key=lambda use: -use.share)


def entered() -> list[Limit]:
    """The limits of the project in scope."""
    query = """
        SELECT provider, model, requests_per_minute, tokens_per_minute FROM provider_limit
        WHERE project_id = %s ORDER BY provider, model
    """
    with connection.cursor() as cursor:
        cursor.execute(query, [current_project()])
        return [Limit(*row) for row in cursor.fetchall()]


def enter(limit: Limit) -> None:
    """Put a limit in the place of what its provider and model had. One of its two numbers has to be given."""
    query = """
        INSERT INTO provider_limit (project_id, provider, model, requests_per_minute, tokens_per_minute)
        VALUES (%s, %s, %s, %s, %s)
        ON CONFLICT (project_id, provider, model) DO UPDATE SET
            requests_per_minute = excluded.requests_per_minute, tokens_per_minute = excluded.tokens_per_minute
    """
    values = (limit.provider, limit.model, limit.requests_per_minute, limit.tokens_per_minute)
    with connection.cursor() as cursor:
        cursor.execute(query, [current_project(), *values])


def remove(provider: str, model: str = "") -> bool:
    """Take a limit away; whether there was one."""
    query = "DELETE FROM provider_limit WHERE project_id = %s AND provider = %s AND model = %s"
    with connection.cursor() as cursor:
        cursor.execute(query, [current_project(), provider, model])
        return bool(cursor.rowcount)
