"""People of tests, and their way past the door: a password takes a tenth of a second each time, on purpose."""

from functools import cache
from typing import Any

PASSWORD = "correct horse"


@cache
def _hashed() -> str:
    from django.contrib.auth.hashers import make_password

    return make_password(PASSWORD)


def user_named(name: str) -> Any:
    """A person with PASSWORD; all have one hash, which is made once."""
    from django.contrib.auth.models import User

    return User.objects.create(username=name, password=_hashed())


def session_of(user: Any) -> dict[str, str]:
    """The cookie of a new session of a person, as the sign-in page would set it."""
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return {settings.SESSION_COOKIE_NAME: str(session.session_key)}
