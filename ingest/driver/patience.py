"""How long the work at hand may still wait for the database: a budget of waiting, not of time.

Reading a slow client's body spends none of it, nor does computing.
"""

from contextvars import ContextVar

_budget: ContextVar["at_most | None"] = ContextVar("observatory_patience", default=None)


class at_most:
    """Let everything inside wait so long for the database in all, and never longer than what is around it allows."""

    __slots__ = ("_granted_s", "_outer", "_token", "left_s")

    def __init__(self, seconds: float) -> None:
        self._granted_s = self.left_s = seconds

    def __enter__(self) -> None:
        self._outer = _budget.get()
        if self._outer is not None:
            self._granted_s = self.left_s = min(self._granted_s, self._outer.left_s)
        self._token = _budget.set(self)

    def __exit__(self, *_: object) -> None:
        _budget.reset(self._token)
        if self._outer is not None:
            self._outer.left_s -= self._granted_s - self.left_s


def left(own: float | None) -> float | None:
    """What remains in seconds, at most `own`; None when nothing limits it."""
    budget = _budget.get()
    if budget is None:
        return own
    remaining = max(budget.left_s, 0.0)
    return remaining if own is None else min(own, remaining)


def spend(seconds: float) -> None:
    """Note a wait that has ended."""
    budget = _budget.get()
    if budget is not None:
        budget.left_s -= seconds
