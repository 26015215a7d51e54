"""From the state of one more window to what happens to an incident. Pure.

Getting worse takes one window; getting better takes `CALM_WINDOWS` in a row that are a margin inside the limit, so
that a value hovering around its limit opens one incident and not one a day.
"""

from dataclasses import dataclass
from enum import StrEnum

from alerts.severity import State

CALM_WINDOWS = 2


class Step(StrEnum):
    """What one window does to an incident, by name: the name travels into events, messages and logs."""

    OPENED = "opened"
    WORSENED = "worsened"
    EASED = "eased"
    RESOLVED = "resolved"
    HELD = "held"

    @property
    def is_told(self) -> bool:
        """Whether people are told of it: when an incident opens, gets worse or ends, and never in between."""
        return self in (Step.OPENED, Step.WORSENED, Step.RESOLVED)


@dataclass(frozen=True)
class Standing:
    """What the next window has to know of those before it.

    `incident` is the severity of the open incident or None; `calm` counts the windows in a row that were better;
    `dismissed` is the severity at which a person ended an incident that had not recovered: until it has, only
    something worse opens another.
    """

    incident: State | None = None
    calm: int = 0
    dismissed: State | None = None


@dataclass(frozen=True)
class Transition:
    """The step taken and the standing after it."""

    step: Step
    standing: Standing


def advance(standing: Standing, state: State, held: State) -> Transition:
    """Judge one more window: `state` by the limits themselves, `held` by the limits with their margin.

    A window that says nothing (learning, no data, unknown, paused) changes nothing: it neither opens nor resolves.
    """
    if not state.is_verdict:
        return Transition(Step.HELD, standing)
    if standing.incident is None:
        return _without_incident(standing, state, held)
    return _with_incident(standing, standing.incident, state, held)


def dismiss(standing: Standing) -> Standing:
    """The standing after a person has resolved the incident."""
    return Standing(dismissed=standing.incident)


def _without_incident(standing: Standing, state: State, held: State) -> Transition:
    if state.is_bad and state.rank > _rank(standing.dismissed):
        return Transition(Step.OPENED, Standing(incident=state))
    if standing.dismissed is None or held.is_bad:
        return Transition(Step.HELD, Standing(dismissed=standing.dismissed))
    calm = standing.calm + 1
    return Transition(
        Step.HELD, Standing() if calm >= CALM_WINDOWS else Standing(calm=calm, dismissed=standing.dismissed)
    )


def _with_incident(standing: Standing, incident: State, state: State, held: State) -> Transition:
    if state.rank > incident.rank:
        return Transition(Step.WORSENED, Standing(incident=state))
    if max(held.rank, state.rank) >= incident.rank:
        return Transition(Step.HELD, Standing(incident=incident))
    calm = standing.calm + 1
    if calm < CALM_WINDOWS:
        return Transition(Step.HELD, Standing(incident=incident, calm=calm))
    if held.is_bad:
        return Transition(Step.EASED, Standing(incident=held))
    return Transition(Step.RESOLVED, Standing())


def _rank(state: State | None) -> int:
    return state.rank if state else 0
