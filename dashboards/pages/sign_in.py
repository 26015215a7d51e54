"""Signing in, and how often somebody may try.

Failures are counted for the pair of address and name, for the address, and for the name over all addresses, in the memory
of one web process. Since anybody can let a name's tries run out, a browser that has signed in before carries a cookie
that says so: it is counted by itself, and somebody else's tries keep nobody out who has been here before.
"""

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.core import signing
from django.http import HttpRequest, HttpResponse

from dashboards import tries
from dashboards.tries import Failures
from ingest.api.addresses import client_of

COOKIE = "observatory_known"
COOKIE_SALT = "observatory.sign-in"
COOKIE_DAYS = 180
MOST_KEPT = 20_000
# Tries that are free: of one address for one name, of one address, of all strangers for one name.
FREE_PAIR, FREE_ADDRESS, FREE_NAME = 5, 20, 50
Key = tuple[str, ...]
KINDS_FORGOTTEN = {"pair", "known"}
_lock = threading.Lock()
# A password is hashed in 100 MB of memory: a crowd at this door must not do that all at once.
_hashing = threading.BoundedSemaphore(2)
HASHED_WITHIN_S = 3
_failures: OrderedDict[Key, Failures] = OrderedDict()


class SignIn(LoginView):
    """Django's view, which asks for patience after a few wrong passwords."""

    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Look at the password only if a try is due: also once a place is free, since others may have failed meanwhile."""
        wait_s = _wait_s(_counted(request))
        if wait_s:
            return self._refused(wait_s)
        if not _hashing.acquire(timeout=HASHED_WITHIN_S):
            return self._refused(HASHED_WITHIN_S)
        try:
            wait_s = _wait_s(_counted(request))
            return self._refused(wait_s) if wait_s else super().post(request, *args, **kwargs)
        finally:
            _hashing.release()

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        """Count the failure, if a password was tried at all."""
        if not (_name(self.request) and self.request.POST.get("password")):
            return super().form_invalid(form)
        counted = _counted(self.request)
        _note_failure(counted)
        wait_s = _wait_s(counted)
        return self._refused(wait_s) if wait_s else super().form_invalid(form)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Forget the failures of this pair, and let the browser be known from now on."""
        _forget(_counted(self.request))
        answer = super().form_valid(form)
        answer.set_cookie(
            COOKIE,
            signing.dumps(_digest(_name(self.request)), salt=COOKIE_SALT),
            max_age=COOKIE_DAYS * 24 * 3600,
            path=self.request.path,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Strict",
        )
        return answer

    def _refused(self, wait_s: int) -> HttpResponse:
        """429 with the form, which says how long to wait; whether the password was right is not told."""
        again = AuthenticationForm(self.request, initial={"username": _name(self.request)})
        context = self.get_context_data(form=again, wait=tries.in_words(wait_s))
        answer = self.render_to_response(context, status=429)
        answer["Retry-After"] = str(wait_s)
        return answer


def _counted(request: HttpRequest) -> dict[Key, int]:
    """What this try is counted by, and how many tries of each are free."""
    name, address = _digest(_name(request)), client_of(request.META)
    if _is_known(request, name):
        return {("known", address, name): FREE_PAIR}
    return {("pair", address, name): FREE_PAIR, ("address", address): FREE_ADDRESS, ("name", name): FREE_NAME}


def _name(request: HttpRequest) -> str:
    return request.POST.get("username", "")[:150]


def _digest(name: str) -> str:
    return hashlib.sha256(name.strip().casefold().encode("utf-8", "replace")).hexdigest()[:32]


def _is_known(request: HttpRequest, name: str) -> bool:
    try:
        said = signing.loads(request.COOKIES.get(COOKIE, ""), salt=COOKIE_SALT, max_age=COOKIE_DAYS * 24 * 3600)
    except signing.BadSignature:
        return False
    return bool(said == name)


def _wait_s(counted: Mapping[Key, int]) -> int:
    now = time.monotonic()
    with _lock:
        return tries.longest(tries.wait_s(_failures.get(key), free, now) for key, free in counted.items())


def _note_failure(counted: Mapping[Key, int]) -> None:
    now = time.monotonic()
    with _lock:
        for key in counted:
            _failures[key] = tries.after_failure(_failures.get(key), now)
            _failures.move_to_end(key)
        while len(_failures) > MOST_KEPT:
            _failures.popitem(last=False)


def _forget(counted: Mapping[Key, int]) -> None:
    """Forget the pair's own failures only: an address with one good account may not go on with others."""
    with _lock:
        for key in counted:
            if key[0] in KINDS_FORGOTTEN:
                _failures.pop(key, None)
