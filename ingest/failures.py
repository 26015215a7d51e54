"""Why a call failed, told once from whatever its sender says of it. Pure.

One of the contract's classes stands as it was sent, but for `other`, which says nothing. Else the first of these that
tells a class decides:

1. `error_class`: an HTTP status, or the name of an exception or of a provider's error;
2. what unknown fields and metadata say: `status_code`, `error_type`, `error.code` and the like (`HINTS`), or an `error`
   that is an object with `type`, `code`, `status` and `message`;
3. `error_message`: the HTTP status in it, else its words.

What tells none is `other`. A message is looked at up to `LONGEST` characters, a field beside it up to `LONGEST_HINT`.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from msgspec.structs import replace

from ingest.contract import Interaction
from ingest.dimensions import ErrorClass

LONGEST, LONGEST_HINT = 1_000, 200
SERVER_ERROR = 500
CLASSES = {one.name.lower(): one for one in ErrorClass if one is not ErrorClass.NONE}
# Statuses that say enough by themselves: 400, 404 and 422 need the words beside them, and 413 is some providers' word for
# a rate limit.
STATUSES = {
    401: ErrorClass.AUTH,
    403: ErrorClass.AUTH,
    407: ErrorClass.AUTH,
    408: ErrorClass.TIMEOUT,
    429: ErrorClass.RATE_LIMIT,
    504: ErrorClass.TIMEOUT,
    522: ErrorClass.TIMEOUT,
    524: ErrorClass.TIMEOUT,
}
HINTS = (
    "error_type", "error.type", "exception_type", "exception.type", "error_code", "error.code", "status_code", "http_status",
    "http_status_code", "http.response.status_code",
)  # fmt: skip
INSIDE = ("type", "code", "status", "status_code", "message")
# In this order: a provider's words for a limit name tokens and requests, those for a broken connection a server.
# Pieces of what is said, in small letters with blanks for all other signs, so that a name in capitals and its words have a
# piece each. In this order: words for a limit name tokens and requests, those for a broken connection a server.
WORDS = {
    ErrorClass.RATE_LIMIT: (
        "rate limit", "ratelimit", "too many requests", "toomanyrequests", "too many tokens", "throttl", "quota",
        "resource exhausted", "resourceexhausted", "resource has been exhausted", "tokens per min", "requests per min",
        "tokens per day", "requests per day",
    ),
    ErrorClass.CONTEXT_LENGTH: (
        "context length", "contextlength", "context window", "contextwindow", "context limit", "maximum context",
        "request too large", "payload too large", "entity too large", "prompt is too long", "prompt too long",
        "input is too long", "input too long", "string too long", "exceeds the maximum number of tokens",
        "exceeds the token limit", "reduce the length",
    ),
    ErrorClass.CONTENT_FILTER: (
        "content filter", "contentfilter", "content policy", "contentpolicy", "content management", "content moderation",
        "responsible ai", "responsibleai", "safety system", "safety setting", "safety filter", "reason safety", "guardrail",
        "blocked prompt", "blockedprompt", "prompt was blocked", "response was blocked", "was flagged", "usage polic",
        "prohibited content", "inappropriate content", "datainspectionfailed",
    ),
    ErrorClass.TIMEOUT: ("timeout", " time out ", "timed out", "timedout", "deadline exceeded", "deadlineexceeded"),
    ErrorClass.AUTH: (
        "authentication", "unauthenticated", "unauthorized", "not authorized", "permission", "forbidden", "access denied",
        "accessdenied", "api key", "expired token", "expiredtoken", "security token", "unrecognizedclient", "credentials",
    ),
    ErrorClass.NETWORK: (
        "connection", "connecterror", "connect error", "clientconnector", "failed to connect", " econn", " enotfound ",
        " eai again ", " epipe ", " ehostunreach ", "socket", "gaierror", "getaddrinfo", "name resolution",
        "name or service not known", "sslerror", " ssl ", " tls ", "certificate", "proxyerror", "proxy error", "networkerror",
        "network error", "fetch failed", "disconnect", "remoteprotocol", "incompleteread", "incomplete chunked read",
        " readerror", " writeerror", "broken pipe", "brokenpipe", "unreachable", "unexpected eof", "peer closed",
    ),
    ErrorClass.SERVER: (
        "internal server", "internalserver", "internal error", "internalerror", "server error", "servererror", "unavailable",
        "bad gateway", "badgateway", "overloaded", "over capacity", "at capacity", "modelerror", "had an error while processing",
    ),
}  # fmt: skip
ALONE = {"safety": ErrorClass.CONTENT_FILTER, "internal": ErrorClass.SERVER}
BEFORE_STATUS = {"code", "status", "statuscode", "error", "http"}
_STATUSES = {str(status) for status in range(400, 600)}
_ONLY_WORDS = {sign: " " for sign in range(128) if not chr(sign).isalnum()}


def classified(item: Interaction, extras: dict[str, Any] | None) -> tuple[Interaction, dict[str, Any] | None]:
    """An interaction with its class, before anything of it is redacted; a word that is no class goes to the extras.

    What did not fail has none.
    """
    said = item.error_class
    name = named(item, extras) if said or item.status == "error" else None
    better = replace(item, error_class=name) if name != said else item
    if not said or said == name:
        return better, extras
    return better, {**(extras or {}), "error_class": said}


def named(item: Interaction, extras: Mapping[str, Any] | None) -> str:
    """The class of a failed interaction, by the contract's name."""
    if isinstance(item.error_class, str) and item.error_class in CLASSES and item.error_class != "other":
        return item.error_class
    sayings = chain([item.error_class], _hints(extras), _hints(item.metadata), [item.error_message])
    return next((found.name.lower() for one in sayings if (found := class_of(one))), "other")


def class_of(saying: object) -> ErrorClass | None:
    """The class that a status or some words tell; None where they tell none."""
    if isinstance(saying, bool) or not isinstance(saying, int | str):
        return None
    words = str(saying)[:LONGEST].lower().translate(_ONLY_WORDS).split()
    by_status = None if _STATUSES.isdisjoint(words) else _class_of_status(words)
    if by_status:
        return by_status
    text = f" {' '.join(words)} "
    by_words = next((one for one, pieces in WORDS.items() if any(map(text.__contains__, pieces))), None)
    return by_words or ALONE.get(text.strip())


def _class_of_status(words: Sequence[str]) -> ErrorClass | None:
    """That of the first HTTP status which tells one; a number is a status at the beginning, or behind a word for it."""
    for before, word in zip(("status", *words), words, strict=False):
        if word in _STATUSES and before in BEFORE_STATUS:
            status = int(word)
            if status in STATUSES or status >= SERVER_ERROR:
                return STATUSES.get(status, ErrorClass.SERVER)
    return None


def _hints(fields: Mapping[str, Any] | None) -> Iterator[object]:
    """What fields beside the contract's say of an error."""
    if not fields:
        return
    yield from (_short(fields[name]) for name in HINTS if name in fields)
    error = fields.get("error")
    if isinstance(error, dict):
        yield from (_short(error[name]) for name in INSIDE if name in error)
    else:
        yield _short(error)


def _short(value: object) -> object:
    return value[:LONGEST_HINT] if isinstance(value, str) else value
