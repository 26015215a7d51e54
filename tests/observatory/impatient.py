"""The product's web, which waits for a request's body for two seconds only."""

from observatory import stalled

stalled.PATIENCE_S, stalled.EVERY_S = 2.0, 0.1

from observatory.wsgi import application  # noqa: E402  # which begins to watch at once

__all__ = ["application"]
