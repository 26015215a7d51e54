"""Text from people, made inert: Plotly reads a small HTML in every string that it draws."""

import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]+")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})


def inert(text: str, limit: int = 60) -> str:
    """One line of at most `limit` characters, in which nothing is a tag, an entity or a template."""
    return short(" ".join(_CONTROL.sub(" ", text).split()), limit).replace("%{", "%\u2060{").translate(_ENTITIES)


def short(text: str, limit: int = 18) -> str:
    """A name cut to `limit` characters, not yet inert."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def is_local(href: str) -> bool:
    """Whether the address stays on this site."""
    return href.startswith("/") and not href.startswith(("//", "/\\"))
