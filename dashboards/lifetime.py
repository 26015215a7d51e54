"""Whether there were calls, and users, in a window of the page."""

from dashboards.view import View
from ingest.timeline import Window


def has_calls(view: View, window: Window) -> bool:
    """Whether there were calls, of the chosen feature or of all."""
    return view.reader.reading("calls", window, feature=view.choice.feature).sample_size > 0


def has_users(view: View) -> bool:
    """Whether a call of the 30 days up to the page's end had a user, of the chosen feature or of all."""
    return bool(view.reader.reading("mau", view.choice.window, feature=view.choice.feature).value)
