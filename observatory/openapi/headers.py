"""The headers that the API adds to HTTP's own, as its description tells them: by name among the components."""

from observatory.openapi.components import Schema

QUOTAS = ("RateLimit-Policy", "RateLimit")
ANSWERED: dict[str, Schema] = {
    "X-Request-ID": {
        "description": "the request's id: the one that was sent, if it has 1 to 200 of the characters "
        "`A–Z a–z 0–9 . _ ~ : / + = @ -`, else a new one",
        "required": True,
        "schema": {"type": "string"},
    },
    "RateLimit-Policy": {
        "description": "the project's quotas, by draft-ietf-httpapi-ratelimit-headers-11; absent where it has none",
        "schema": {"type": "string"},
        "example": '"events";q=5000;qu="events";w=10',
    },
    "RateLimit": {
        "description": "what is left of each quota, and in how many seconds it is whole again; absent without quotas",
        "schema": {"type": "string"},
        "example": '"events";r=1200;t=8',
    },
    "Retry-After": {
        "description": "after how many seconds the same may be sent again",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    },
}
COMPRESSED: Schema = {
    "name": "Content-Encoding",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "enum": ["gzip", "deflate"]},
    "description": "gzip or deflate, where the body is compressed",
}


def of_answer(status: int, *, has_quotas: bool) -> Schema:
    """The headers of an answer of this status; without a valid key (401) there is no project that has quotas."""
    names = ["X-Request-ID"]
    if has_quotas and status != 401:
        names += QUOTAS
    if status in {429, 503}:
        names.append("Retry-After")
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
