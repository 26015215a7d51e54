"""Whether the server answers, as far as this process knows.

Once it has left a question unanswered for longer than it lets any question take, only one request at a time may try it;
all others are refused at once instead of each waiting in turn. The first answer ends the doubt.
"""

import threading

import psycopg

TRIAL_S = 1.0


class Unanswered(psycopg.OperationalError):
    """The server did not answer in time."""


class NotAsked(Unanswered):
    """The server was not asked, because another request is just trying whether it answers."""


class Doubt:
    """The doubt of one process. `now` is a reading of a monotonic clock, in seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_raised = False
        self._trial_ends_at = 0.0

    @property
    def is_raised(self) -> bool:
        """Whether the last that is known of the server is silence."""
        return self._is_raised

    def rise(self) -> None:
        """Begin to doubt."""
        self._is_raised = True

    def may_ask(self, now: float) -> bool:
        """Tell whether this caller's connection is on trial. Raises NotAsked when another's is."""
        if not self._is_raised:
            return False
        with self._lock:
            if now < self._trial_ends_at:
                raise NotAsked("the server does not answer; another request is trying it")
            self._trial_ends_at = now + 2 * TRIAL_S  # should the one who tries it never come back
        return True

    def end_trial(self, *, answered: bool) -> None:
        """Note what came of a trial."""
        with self._lock:
            self._trial_ends_at = 0.0
            self._is_raised = not answered


SERVER = Doubt()
