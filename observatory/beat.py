"""Beat's scheduler: a broker that is away is told once, and once that it is back."""

import logging
from typing import Any

from celery import beat

log = logging.getLogger(__name__)


class Scheduler(beat.Scheduler):
    """Celery's scheduler, which writes two tracebacks for every message that cannot be sent: several a second here."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._trouble = ""
        super().__init__(*args, **options)

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        """Send a duty's message. A failure is one line when its reason is new; the next period tries again."""
        try:
            self.apply_async(entry, producer=producer, advance=False)
        except beat.SchedulingError as error:
            reason = " ".join(str(error.__context__ or error).split())
            if reason != self._trouble:
                log.error("the broker takes no messages: %s", reason)
            self._trouble = reason
            return
        if self._trouble:
            log.warning("the broker takes messages again")
        self._trouble = ""
