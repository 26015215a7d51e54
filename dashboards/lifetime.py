"""Whether something was ever sent: what came once and is silent now is no data, not 'not sent yet'."""

from dashboards import present
from dashboards.view import View
from ingest.timeline import DAY, Window
from observatory.metrics.definitions import METRICS


def lifetime(view: View) -> Window | None:
    """From the first interaction's day to now; None before there is one."""
    born = view.reader.first_day()
    return Window(born.start, view.now + DAY) if born else None


def has_calls(view: View, window: Window) -> bool:
    """Whether there were calls, of the chosen feature or of all."""
    return view.reader.reading("calls", window, feature=view.choice.feature).sample_size > 0


def has_users(view: View) -> bool:
    """Whether a call of the 30 days up to the page's end had a user, of the chosen feature or of all."""
    return bool(view.reader.reading("mau", view.choice.window, feature=view.choice.feature).value)


def was_sent(view: View, name: str) -> bool:
    """Whether a metric ever had anything to count, by the page's filters; of a project without calls it is not known to be missing."""
    whole = lifetime(view)
    if whole is None:
        return True
    chosen = present.where(view, METRICS[name])
    return view.reader.reading(name, whole, feature=view.choice.feature, where=chosen).sample_size > 0
