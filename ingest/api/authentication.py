"""Who sends: an API key in one of three clothes, and the scope that a view asks of it."""

import base64
import binascii
from typing import TYPE_CHECKING

from django.db import connection
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from ingest.database import steadfast
from ingest.projects import keys
from ingest.projects.access import KeyHolder, holder_of

if TYPE_CHECKING:
    from rest_framework.views import APIView  # at run time it would import this module first

CHALLENGE = 'Bearer realm="Observatory"'
FORMS = (
    "A key is sent as `Authorization: Bearer KEY`, as `x-api-key: KEY`, or as `Authorization: Basic` with the base64 of "
    "PUBLIC:SECRET, the two middle parts of the key"
)


class KeyAuthentication(BaseAuthentication):
    """Read `Authorization: Bearer <key>`, `Authorization: Basic <public>:<secret>` or `x-api-key: <key>`.

    `request.auth` becomes the key's `KeyHolder`; there is no user.
    """

    def authenticate(self, request: Request) -> tuple[None, KeyHolder] | None:
        """Find the holder; None without any credentials. Raises AuthenticationFailed for a key nobody has.

        That a key is mistyped is told by its checksum, which everybody can work out: nothing of ours is told.
        """
        key = key_in(request)
        if key is None:
            return None
        if not key:
            raise AuthenticationFailed(f"The request's header holds no key. {FORMS}.")
        if not keys.is_well_formed(key):
            raise AuthenticationFailed(
                "This is not a whole key as it was made: it is mistyped or cut. Keys look like "
                "obs_live_PUBLIC_SECRET_CHECKSUM."
            )
        holder = steadfast(lambda: holder_of(key))
        if not connection.in_atomic_block:
            connection.close()  # a slow body must not keep what others need to work
        if holder is None:
            raise AuthenticationFailed("This key is unknown or was revoked.")
        return None, holder

    def authenticate_header(self, request: Request) -> str:
        """What a 401 asks for."""
        return CHALLENGE


class HasScope(BasePermission):
    """Let through who holds what the view names: `scopes[method]`, else `scope`; no name lets nobody through.

    A name is one scope, or several of which any will do.
    """

    def has_permission(self, request: Request, view: "APIView") -> bool:
        """Whether the key may do this. Raises PermissionDenied that names what would do."""
        holder = request.auth
        wanted = getattr(view, "scopes", {}).get(request.method) or getattr(view, "scope", None)
        if not isinstance(holder, KeyHolder) or wanted is None:
            return False
        enough: tuple[str, ...] = (wanted,) if isinstance(wanted, str) else wanted
        if holder.scopes.isdisjoint(enough):
            missing = " or ".join(map(repr, enough))
            raise PermissionDenied(f"This key lacks the scope {missing}; it has {', '.join(sorted(holder.scopes))}.")
        return True


def key_in(request: Request) -> str | None:
    """The key that a request carries, however it carries it; an empty text when it cannot be one."""
    header: str = request.META.get("HTTP_AUTHORIZATION", "")
    if not header:
        bare: str | None = request.META.get("HTTP_X_API_KEY")
        return bare
    scheme, _, rest = header.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    return _basic(rest.strip()) if scheme.lower() == "basic" else ""


def _basic(encoded: str) -> str:
    try:
        public, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return ""
    if not secret:
        return public
    return secret if keys.is_well_formed(secret) else keys.assembled(public, secret)
