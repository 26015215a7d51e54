"""How far back a project's record reaches. Pure: `now` is an argument, days are the project's local days.

A horizon is an instant before which rows have gone, or are about to. It only moves forward, and it moves before
anything is deleted: what stands before it is frozen.
"""

from datetime import datetime, timedelta

from ingest.timeline import DAY, day_start, local_day

MOST_DAYS = 3_650
"""Longer keeping is not offered: a clock that says 1970 is wrong, whatever a project wants to keep."""

ANNOUNCED_FOR = timedelta(minutes=2)
"""So long a new horizon is known before it counts: every request that was judged by the old one has ended by then."""


def oldest(raw_horizon: datetime | None, raw_days: int, now: datetime) -> datetime:
    """The earliest instant at which an event still counts: nothing before it is taken into the record."""
    reach = now - min(raw_days, MOST_DAYS) * DAY
    return reach if raw_horizon is None else max(raw_horizon, reach)


def target(days: int, zone_name: str, now: datetime) -> datetime:
    """Where a horizon that keeps `days` should stand: at the start of a local day, so that no day is cut in two."""
    return day_start(local_day(now - min(days, MOST_DAYS) * DAY, zone_name), zone_name)


def forward(horizon: datetime | None, wanted: datetime) -> datetime:
    """A horizon moved to where it should stand, or left where it is: never backwards."""
    return wanted if horizon is None else max(horizon, wanted)


def rollup_horizon(
    rollup_days: int | None, raw_horizon: datetime | None, zone_name: str, now: datetime
) -> datetime | None:
    """Before which rollups go: never where raw rows still stand, or they would be counted again. None: nothing goes."""
    if rollup_days is None or raw_horizon is None:
        return None
    return min(target(rollup_days, zone_name, now), raw_horizon)
