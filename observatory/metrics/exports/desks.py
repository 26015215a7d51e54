"""How many exports run at once in a web process: a few of each project, since each keeps a thread until its reader has it all."""

import threading
from collections import Counter

OF_EACH, OF_ALL = 2, 24


class Busy(Exception):
    """No desk is free."""

    retry_after = 5


class Desks:
    """The places where exports are written. Pure but for its lock."""

    def __init__(self, of_each: int = OF_EACH, of_all: int = OF_ALL) -> None:
        self._of_each, self._of_all = of_each, of_all
        self._guard = threading.Lock()
        self._taken: Counter[int] = Counter()

    def take(self, project_id: int) -> None:
        """Sit down. Raises Busy."""
        with self._guard:
            if self._taken[project_id] >= self._of_each:
                raise Busy(f"{self._of_each} exports of this project are under way, as many as may be at once.")
            if self._taken.total() >= self._of_all:
                raise Busy("Too many exports are under way.")
            self._taken[project_id] += 1

    def leave(self, project_id: int) -> None:
        """Get up again."""
        with self._guard:
            self._taken[project_id] -= 1
            self._taken += Counter()  # forgets who has none
