"""Pricing history again: with today's catalogue and the project's own prices, as if they had been there when calls came.

Only what we priced, or could not price, is touched; an amount that the app sent stays, unless it is 0 beside tokens. A batch is one transaction, and
a call whose price has not changed is not written, so that a run that was stopped can simply be started again.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connection

from ingest import dictionary, prices
from ingest.digest import unread
from ingest.dimensions import OTHER, Cache, CostSource, Dimension, Facts
from ingest.pricing import Call, PriceBook
from ingest.projects.scope import current_project, project_scope
from ingest.timeline import Window

BATCH = 2_000
OURS = (CostSource.OVERRIDE, CostSource.CATALOGUE, CostSource.UNPRICED)
NAMED = {
    Dimension.PROVIDER: "provider",
    Dimension.MODEL: "served_model",
    Dimension.REQUESTED_MODEL: "model",
}
_TOKENS = "input_tokens, output_tokens, cached_input_tokens, cache_write_tokens"
# What `pricing.is_amount` takes for none: stored as the app's, before that was looked at.
_NO_AMOUNT = f"""
    i.cost_source = {CostSource.CLIENT:d} AND i.cost_nano = 0 AND i.cache = {Cache.NONE:d}
    AND (i.input_tokens > 0 OR i.output_tokens > 0)
"""
_CHOSEN = f"""
    i.project_id = %(project)s AND i.occurred_at >= %(start)s AND i.occurred_at < %(end)s
    AND (i.cost_source IN ({", ".join(str(int(source)) for source in OURS)}) OR {_NO_AMOUNT})
    AND (%(served)s::smallint IS NULL OR i.model_id = %(served)s OR i.requested_model_id = %(requested)s)
"""
COUNT = f"SELECT count(*) FROM interaction i WHERE {_CHOSEN}"
NEXT = f"""
    SELECT i.occurred_at, i.id, i.xmin::text, i.cost_nano, i.cost_source, i.provider_id, i.model_id, i.requested_model_id,
           {_TOKENS},
           CASE WHEN {OTHER} IN (i.provider_id, i.model_id, i.requested_model_id) THEN (
               SELECT metadata FROM payload p
               WHERE p.project_id = %(project)s AND p.occurred_at = i.occurred_at AND p.id = i.id
           ) END
    FROM interaction i
    WHERE {_CHOSEN} AND (i.occurred_at, i.id) > (%(start)s, %(after)s)
    ORDER BY i.occurred_at, i.id LIMIT %(limit)s
"""
# A call that somebody has changed meanwhile was priced by them.
WRITE = f"""
    WITH changed AS (
        UPDATE interaction i SET cost_nano = n.cost_nano, cost_source = n.cost_source
        FROM unnest(%(times)s::timestamptz[], %(ids)s::text[], %(versions)s::text[], %(costs)s::bigint[], %(sources)s::smallint[])
            AS n (occurred_at, id, version, cost_nano, cost_source)
        WHERE i.project_id = %(project)s AND i.occurred_at = n.occurred_at AND i.id = n.id AND i.xmin::text = n.version
          AND i.occurred_at >= %(first)s AND i.occurred_at <= %(last)s
        RETURNING i.occurred_at, i.id, coalesce(i.user_id, i.session_id, '') AS cluster
    ),
    buckets AS (
        INSERT INTO dirty_bucket (project_id, bucket, facts)
        SELECT DISTINCT %(project)s, date_trunc('minute', occurred_at), {Facts.INTERACTIONS:d} FROM changed
    ),
    users AS (
        INSERT INTO dirty_user (project_id, quarter, cluster)
        SELECT DISTINCT %(project)s, date_bin('15 minutes', occurred_at, '2000-01-01T00:00:00Z'), cluster FROM changed
    )
    SELECT occurred_at, id FROM changed
"""


@dataclass(frozen=True)
class Repriced:
    """One call that was looked at, with its price before and now; None is unpriced. `version` is that of its row."""

    occurred_at: datetime
    id: str
    version: str
    model: str
    before_nano: int | None
    before: CostSource
    now_nano: int | None
    now: CostSource

    @property
    def has_changed(self) -> bool:
        """Whether the price, or who says so, is another one."""
        return (self.before_nano, self.before) != (self.now_nano, self.now)


@dataclass(frozen=True)
class Chosen:
    """The calls of one project that are to be priced again: of a window, of one model if it is named."""

    project_id: int
    window: Window
    model: str | None = None


def count(chosen: Chosen) -> int:
    """How many calls there are to look at."""
    with project_scope(chosen.project_id), connection.cursor() as cursor:
        cursor.execute(COUNT, _parameters(chosen, chosen.window.start))
        return int(cursor.fetchone()[0])


def reprice(chosen: Chosen, now: datetime, *, is_dry: bool = False, batch: int = BATCH) -> Iterator[list[Repriced]]:
    """Price the calls again, batch by batch in the order of time; a batch is committed when it is given.

    A dry run gives the same and writes nothing.
    """
    start, after = chosen.window.start, ""
    while True:
        book = prices.book(chosen.project_id)
        with project_scope(chosen.project_id):
            parameters = {**_parameters(chosen, start), "after": after, "limit": batch}
            done = _priced(_rows(parameters), book)
            if not is_dry:
                _write([one for one in done if one.has_changed], now)
        if done:
            yield done
        if len(done) < batch:
            return
        start, after = done[-1].occurred_at, done[-1].id


def _parameters(chosen: Chosen, start: datetime) -> dict[str, Any]:
    """What `_CHOSEN` asks for; a model that the project has never met has the number -1."""
    numbers: dict[str, int | None] = {"served": None, "requested": None}
    if chosen.model is not None:
        for name, dimension in (("served", Dimension.MODEL), ("requested", Dimension.REQUESTED_MODEL)):
            numbers[name] = dictionary.number_of(dimension, chosen.model) or -1
    return {"project": current_project(), "start": start, "end": chosen.window.end, **numbers}


def _rows(parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(NEXT, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _priced(rows: Sequence[tuple[Any, ...]], book: PriceBook) -> list[Repriced]:
    values = {dimension: dictionary.values(dimension) for dimension in NAMED}
    done = []
    for at, id, version, before_nano, before, *numbers, metadata in rows:
        beyond = json.loads(metadata) if metadata else {}
        provider, served, requested = (
            str(beyond.get(field, "")) if number == OTHER else values[dimension].get(number, "")
            for (dimension, field), number in zip(NAMED.items(), numbers[:3], strict=True)
        )
        now_nano, now = book.price(Call(provider, served, requested, at.astimezone(UTC).date(), *numbers[3:]))
        done.append(Repriced(at, id, version, served or requested, before_nano, CostSource(before), now_nano, now))
    return done


def _write(changed: Sequence[Repriced], now: datetime) -> None:
    """Store new prices and have everything counted and marked again that depends on them."""
    if not changed:
        return
    times = [one.occurred_at for one in changed]
    parameters: dict[str, Any] = {
        "project": current_project(),
        "times": times,
        "ids": [one.id for one in changed],
        "versions": [one.version for one in changed],
        "costs": [one.now_nano for one in changed],
        "sources": [int(one.now) for one in changed],
        "first": min(times),
        "last": max(times),
    }
    with connection.cursor() as cursor:
        cursor.execute(WRITE, parameters)
        places = cursor.fetchall()
    if places:
        unread.enqueue(now, places)
