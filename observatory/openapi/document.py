"""The whole description as one OpenAPI 3.1 document. Built once a process: it changes with the code alone."""

from functools import cache
from threading import Lock
from typing import Any

from drf_spectacular.generators import SchemaGenerator

from observatory.openapi.headers import ANSWERED
from observatory.openapi.schema import SCHEMES

_building = Lock()


def document() -> dict[str, Any]:
    """The description of every address under /api/v1/, as plain JSON values."""
    with _building:  # the library builds in places that all threads share
        return _built()


@cache
def _built() -> dict[str, Any]:
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]  # the library has types in places
    found: dict[str, Any] = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]  # the same
    found["components"]["securitySchemes"] = SCHEMES
    found["components"]["headers"] = ANSWERED
    return found
