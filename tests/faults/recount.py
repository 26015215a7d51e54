"""The numbers of local days, counted slowly from raw rows by plain SQL, beside what the API and the user rows say of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx2
import psycopg

from ingest.dimensions import Component, FeedbackKind
from ingest.timeline import day_start, local_day

HTTP_S = 30
LONG_AGO = timedelta(days=30)
TOO_FEW = -1
"""Of so few that the API gives no value."""

CALLS = """
    SELECT (i.occurred_at AT TIME ZONE %(zone)s)::date, f.name, count(*), sum(i.input_tokens),
        sum(i.cost_nano) FILTER (WHERE i.cost_nano IS NOT NULL AND NOT EXISTS (
            SELECT FROM cost c WHERE c.project_id = i.project_id AND c.interaction_id = i.id AND c.component = %(tokens)s))
    FROM interaction i JOIN feature f ON f.project_id = i.project_id AND f.number = i.feature_id
    WHERE i.project_id = %(project)s AND i.occurred_at >= %(start)s GROUP BY 1, 2
"""
COSTS = """
    SELECT (occurred_at AT TIME ZONE %(zone)s)::date, sum(amount_nano) FROM cost
    WHERE project_id = %(project)s AND occurred_at >= %(start)s GROUP BY 1
"""
THUMBS = """
    SELECT (i.occurred_at AT TIME ZONE %(zone)s)::date, count(*), count(*) FILTER (WHERE last.value > 0.5)
    FROM (
        SELECT DISTINCT ON (interaction_id) interaction_id, value FROM feedback
        WHERE project_id = %(project)s AND kind = %(thumb)s ORDER BY interaction_id, occurred_at DESC, id DESC
    ) last JOIN interaction i ON i.project_id = %(project)s AND i.id = last.interaction_id
    WHERE i.occurred_at >= %(start)s GROUP BY 1
"""
USERS = """
    WITH called AS (
        SELECT (occurred_at AT TIME ZONE %(zone)s)::date AS day, coalesce(user_id, session_id, '') AS cluster,
            count(*) AS calls, coalesce(sum(input_tokens), 0) AS tokens
        FROM interaction WHERE project_id = %(project)s AND occurred_at >= %(start)s GROUP BY 1, 2
    ), kept AS (
        SELECT day, cluster, sum(calls) AS calls, sum(input_tokens) AS tokens
        FROM user_day WHERE project_id = %(project)s AND day >= %(first)s GROUP BY 1, 2
    )
    SELECT count(*) FROM called FULL JOIN kept USING (day, cluster)
    WHERE (called.calls, called.tokens) IS DISTINCT FROM (kept.calls, kept.tokens)
"""


@dataclass(frozen=True)
class Project:
    """Whose days: `first` is the first one that lies after the raw horizon as a whole, or long ago."""

    number: int
    zone: str
    first: date

    @property
    def start(self) -> datetime:
        """Its first instant."""
        return day_start(self.first, self.zone)

    @property
    def words(self) -> dict[str, Any]:
        """What the statements ask for."""
        kinds = {"tokens": int(Component.MODEL_TOKENS), "thumb": int(FeedbackKind.THUMB)}
        return {"project": self.number, "zone": self.zone, "start": self.start, "first": self.first, **kinds}


def project_now(connection: "psycopg.Connection[Any]", number: int) -> Project:
    """The project as its row says."""
    row = connection.execute("SELECT time_zone, raw_horizon FROM project WHERE id = %s", [number]).fetchone()
    assert row is not None
    zone, horizon = row
    horizon = horizon or day_start(local_day(datetime.now(UTC), zone) - LONG_AGO, zone)
    first = local_day(horizon, zone)
    return Project(number, zone, first if day_start(first, zone) == horizon else first + timedelta(days=1))


def differences(connection: "psycopg.Connection[Any]", project: Project, port: int, key: str) -> list[str]:
    """Every day and number that is not what its rows add up to."""
    expected, said = dict(_counted(connection, project)), _said(project, port, key)
    wrong = [
        f"{what} of {day}: {said.get((what, day), 0)} and not {expected.get((what, day), 0)}"
        for what, day in sorted(expected.keys() | said.keys())
        if said.get((what, day), 0) not in {expected.get((what, day), 0), TOO_FEW}
    ]
    row = connection.execute(USERS, project.words).fetchone()
    if row and row[0]:
        wrong.append(f"{row[0]} users' days")
    return wrong


def _counted(connection: "psycopg.Connection[Any]", project: Project) -> Iterator[tuple[tuple[str, date], int]]:
    sums: dict[tuple[str, date], int] = {}
    for day, feature, calls, tokens, nano in connection.execute(CALLS, project.words):
        sums[f"calls of {feature}", day] = calls
        for what, amount in (("calls", calls), ("tokens", int(tokens or 0)), ("cost", int(nano or 0))):
            sums[what, day] = sums.get((what, day), 0) + amount
    for day, nano in connection.execute(COSTS, project.words):
        sums["cost", day] = sums.get(("cost", day), 0) + int(nano)
    for day, thumbs, ups in connection.execute(THUMBS, project.words):
        sums["thumbs", day], sums["thumbs up", day] = thumbs, ups
    return ((place, amount) for place, amount in sums.items() if amount)


def _said(project: Project, port: int, key: str) -> dict[tuple[str, date], int]:
    """What the API says of the same days."""
    sums: dict[tuple[str, date], int] = {}
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}/api/v1/metrics/", timeout=HTTP_S) as client:
        client.headers["Authorization"] = f"Bearer {key}"

        def ask(what: str, metric: str, part: Any, **more: str) -> None:
            asked = {"from": project.start.isoformat(), "to": datetime.now(UTC).isoformat(), "grain": "1d", **more}
            for point in client.get(metric, params=asked).raise_for_status().json()["series"]:
                if amount := part(point):
                    sums[what, local_day(datetime.fromisoformat(point["from"]), project.zone)] = amount

        ask("calls", "calls", _value)
        for feature in client.get("calls", params={"group_by": "feature"}).raise_for_status().json()["groups"]:
            ask(f"calls of {feature['feature']}", "calls", _value, feature=feature["feature"])
        ask("cost", "cost_total", lambda point: round((point["value"] or 0) * 10**9))
        ask("tokens", "input_tokens_mean", lambda point: round((point["value"] or 0) * point["sample_size"]))
        ask("thumbs", "thumbs_up_rate", lambda point: point["sample_size"])
        ask("thumbs up", "thumbs_up_rate", _ups)
    return sums


def _ups(point: dict[str, Any]) -> int:
    value, sample = point["value"], point["sample_size"]
    return round(value * sample) if value is not None else TOO_FEW if sample else 0


def _value(point: dict[str, Any]) -> int:
    return int(point["value"] or 0)
