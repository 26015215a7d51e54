"""In place of what a project has not sent yet: never zero, but not sent, with the one thing to send and where to read of it."""

from dashboards import formatting
from dashboards.asks import Ask
from dashboards.components import Empty, State, Tile

WORD = "Not sent yet"


def tile(name: str, title: str, ask: Ask, definition: str = "") -> Tile:
    """In place of a number that nobody has sent what it is made of."""
    return Tile(title, formatting.DASH, name, State.NO_DATA, WORD, (sentence(ask),), definition, link=ask.link)


def empty(text: str, ask: Ask, code: str = "") -> Empty:
    """In place of a chart or of rows; `code` is a command that sends it."""
    return Empty("not instrumented", text, "" if code else sentence(ask), code, ask.link)


def sentence(ask: Ask) -> str:
    """What to do."""
    return f"Send {ask.what}."
