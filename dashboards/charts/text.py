"""Text from people, made inert: Plotly reads a small HTML in every string that it draws."""

import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]+")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})


def inert(text: str, limit: int = 60) -> str:
    """One line of at most `limit` characters, in which nothing is a tag, an entity or a template."""
    flat = " ".join(_CONTROL.sub(" ", text).split())
    short = flat if len(flat) <= limit else flat[: limit - 1].rstrip() + "…"
    return short.replace("%{", "%\u2060{").translate(_ENTITIES)


def local_link(text: str, href: str) -> str:
    """A link inside the plot, to our own pages only; any other address leaves the plain text."""
    if not href.startswith("/") or href.startswith(("//", "/\\")):
        return inert(text)
    return f'<a href="{inert(href, 400)}" target="_self">{inert(text)}</a>'
