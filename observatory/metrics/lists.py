"""Long lists as parameters of SQL: psycopg takes 2 µs for each member of one, and what is one text next to nothing. Pure."""

from collections.abc import Iterable, Sequence

import msgspec

_JSON = msgspec.json.Encoder()


def numbers(members: Iterable[int]) -> str:
    """A list of whole numbers as `numbers_in` takes it."""
    return f"{{{','.join(map(str, members))}}}"


def numbers_in(name: str) -> str:
    """SQL: the `integer[]` that was sent by this name."""
    return f"%({name})s::integer[]"


def texts(members: Sequence[str]) -> str:
    """A list of texts that PostgreSQL can hold as `texts_in` takes it."""
    return _JSON.encode(members).decode()


def texts_in(name: str) -> str:
    """SQL: the `text[]` that was sent by this name, its members in their order."""
    return f"ARRAY(SELECT json_array_elements_text(%({name})s::json))"
