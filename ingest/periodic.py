"""What every periodic task does: one bounded slice of a duty, by one process at a time, and then a beat."""

import json
from collections.abc import Callable
from dataclasses import asdict, is_dataclass
from datetime import datetime
from typing import Any

from ingest import timeline
from ingest.duties import Duty, beat, only_runner


def perform(duty: Duty, work: Callable[[datetime], object]) -> bool:
    """Do one slice of a duty unless another process is at it; says whether it was ours to do.

    The beat follows the work, so a duty that fails or hangs stops beating. Its detail is the report of `work`.
    """
    with only_runner(duty) as is_ours:
        if is_ours:
            report = work(timeline.now())
            beat(duty, timeline.now(), detail_of(report))
        return is_ours


def detail_of(report: object) -> dict[str, Any]:
    """A report as JSON can hold it: a dataclass by its fields, anything else under `done`."""
    fields = asdict(report) if is_dataclass(report) and not isinstance(report, type) else {"done": report}
    detail: dict[str, Any] = json.loads(json.dumps(fields, default=str))
    return detail
