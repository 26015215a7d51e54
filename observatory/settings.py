"""Every setting of the product, in one place. Variables are documented in docs/reference/settings.md."""

import sys
from pathlib import Path
from typing import Any

from alerts.addresses import networks
from observatory import logging as observatory_logging
from observatory.embedded import attach
from observatory.embedded.listening import listening, web_workers
from observatory.embedded.secret import SECRET_KEY_FILE
from observatory.env import BadSetting, broker, database, here, mail, web_address

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION = "0.1.0"

DATA_DIR = Path(here.text("OBSERVATORY_DATA_DIR", str(BASE_DIR / "var"))).resolve()
if DATA_DIR.exists() and not DATA_DIR.is_dir():
    raise BadSetting(f"OBSERVATORY_DATA_DIR={DATA_DIR} is not a folder")
_, PORT = listening()
WEB_WORKERS = web_workers()  # the web's own process asks for it before Django is there; here it is only refused
PUBLIC_URL = here.text("OBSERVATORY_PUBLIC_URL", f"http://localhost:{PORT}").rstrip("/")
ROLE = here.choice("OBSERVATORY_ROLE", "jobs", ("app", "jobs", "owner"))

# How long a whole request of the web, and a single question of others, waits for the database. The server's own limits
# come first, so that only a server that is not there is met by these.
REQUEST_PATIENCE_S = 5.5
QUESTION_PATIENCE_S = {"app": REQUEST_PATIENCE_S, "jobs": 90.0, "owner": None}
_URL_NAMES = {"app": "DATABASE_URL", "jobs": "DATABASE_JOBS_URL", "owner": "DATABASE_OWNER_URL"}


def _surroundings() -> tuple[dict[str, str], str]:
    """The database URLs of the embedded server, and why there are none."""
    if here.text("DATABASE_URL", ""):
        return {}, ""
    try:
        return attach.environment(DATA_DIR), ""
    except attach.NotRunning as error:
        return {}, str(error)


_embedded, DATABASE_PROBLEM = _surroundings()


POOL_SIZE = here.integer("OBSERVATORY_POOL_SIZE", 10, minimum=1)


def _database_url(role: str) -> str:
    name = _URL_NAMES[role]
    return here.text(name, _embedded.get(name, ""))


def _connection() -> dict[str, Any]:
    """The one database alias, as the role of this process sees it; the other URLs must make sense too."""
    read = {role: database(name, url) for role, name in _URL_NAMES.items() if (url := _database_url(role))}
    if ROLE not in read:
        return {"ENGINE": "django.db.backends.dummy"}
    connection = read[ROLE]
    options: dict[str, Any] = {
        "connect_timeout": 3,
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "application_name": f"observatory-{ROLE}",
        **connection["OPTIONS"],  # type: ignore[dict-item]  # the reader returns it as object
        "patience_s": QUESTION_PATIENCE_S[ROLE],
        "options": "-c statement_timeout=60000 -c lock_timeout=10000 -c idle_in_transaction_session_timeout=120000 -c synchronous_commit=on",
    }
    if ROLE == "app":
        options["options"] = (
            "-c statement_timeout=5000 -c lock_timeout=3000 -c idle_in_transaction_session_timeout=30000 -c synchronous_commit=on"
        )
        # A connection that could not be made is made when somebody needs it, not after a growing while. Each that is not
        # needed costs some 15 MB of memory: every 10 s one of them goes.
        options["pool"] = {"min_size": 1, "max_size": POOL_SIZE, "timeout": 2, "max_idle": 10, "reconnect_timeout": 0}
    if ROLE == "owner":
        options["options"] = "-c lock_timeout=30000 -c synchronous_commit=on"
    return {
        **connection,
        "OPTIONS": options,
        "CONN_MAX_AGE": 0,
        "DISABLE_SERVER_SIDE_CURSORS": True,
    }


DATABASES = {"default": _connection()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"


NO_KEY = "-"  # Django wants some text even where nothing is signed
SHORTEST_KEY = 32


def _secret_key() -> str:
    """The key from the environment, or the one that `make up` keeps in the data folder; the web refuses to go without."""
    kept = DATA_DIR / SECRET_KEY_FILE
    key = here.text("OBSERVATORY_SECRET_KEY", kept.read_text().strip() if kept.exists() else NO_KEY)
    if key == NO_KEY and ROLE == "app":
        raise BadSetting("OBSERVATORY_SECRET_KEY is not set: sign-in cookies need a secret of your own")
    if key != NO_KEY and len(key) < SHORTEST_KEY:
        raise BadSetting(f"OBSERVATORY_SECRET_KEY has fewer than {SHORTEST_KEY} characters")
    return key


SECRET_KEY = _secret_key()
HAS_SECRET_KEY = SECRET_KEY != NO_KEY
DEBUG = False

_public = web_address("OBSERVATORY_PUBLIC_URL", PUBLIC_URL)
ALLOWED_HOSTS = [str(_public.hostname), "localhost", "127.0.0.1", "[::1]"]
CSRF_TRUSTED_ORIGINS = [f"{_public.scheme}://{_public.netloc}"]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _public.scheme == "https"
SESSION_COOKIE_AGE = 14 * 24 * 3600
IS_BEHIND_PROXY = here.boolean("OBSERVATORY_BEHIND_PROXY", default=False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if IS_BEHIND_PROXY else None
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_htmx",
    "django_structlog",
    "ingest.projects",
    "ingest",
    "observatory",
    "observatory.metrics",
    "observatory.drift",
    "alerts",
    "dashboards",
]
MIDDLEWARE = [
    "observatory.counted.Counted",
    "observatory.request_ids.RequestIds",
    "ingest.api.incoming.HeardOut",
    "ingest.driver.middleware.DatabasePatience",
    "observatory.security.SecurityHeaders",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "observatory.security.PagesOnly",
]
PAGES_MIDDLEWARE = [
    "observatory.turns.FewForms",
    "observatory.turns.PagesInTurn",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "observatory.urls"
WSGI_APPLICATION = "observatory.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

STATIC_URL = f"/static/{VERSION}/"
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
WHITENOISE_MAX_AGE = 300

LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign-in"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"
USE_I18N = False

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["ingest.api.authentication.KeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["ingest.api.authentication.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": [],
    "EXCEPTION_HANDLER": "ingest.api.problems.handler",
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_SCHEMA_CLASS": "observatory.openapi.schema.ContractSchema",
}
SPECTACULAR_SETTINGS = {
    "OAS_VERSION": "3.1.1",
    "POSTPROCESSING_HOOKS": [],
    "SORT_OPERATIONS": False,
    "TITLE": "Observatory",
    "DESCRIPTION": "What apps send, and what they get back.",
    "VERSION": VERSION,
    "LICENSE": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    "SERVERS": [{"url": PUBLIC_URL}],
    "TAGS": [
        {
            "name": "Send",
            "description": "One object, an array of at most 1,000, or one object a line (NDJSON); plain, gzip or deflate; "
            "at most 5 MiB as sent, 20 MiB inflated. An answer of 2xx comes after the commit.",
        },
        {"name": "Read", "description": "Unknown is null, never 0."},
        {"name": "Erase", "description": "What is erased is gone, and stays gone."},
    ],
}

MAIL = mail("EMAIL_URL", here.text("EMAIL_URL", "folder://"))
MAIL_FROM = here.text("OBSERVATORY_MAIL_FROM", f"Observatory <alerts@{_public.hostname}>")
MAIL_FOLDER = DATA_DIR / "mail"
EMAIL_TIMEOUT = 10
try:
    ALLOWED_WEBHOOK_NETWORKS = networks(here.words("OBSERVATORY_ALLOWED_WEBHOOK_NETWORKS"))
except ValueError as error:
    raise BadSetting(f"OBSERVATORY_ALLOWED_WEBHOOK_NETWORKS: {error}") from error

# Rates of one project, key or address in one web process; 0 is no limit.
EVENTS_PER_SECOND = here.integer("OBSERVATORY_EVENTS_PER_SECOND", 0)
BYTES_PER_SECOND = here.integer("OBSERVATORY_BYTES_PER_SECOND", 0)
BROWSER_FEEDBACK_PER_KEY = here.integer("OBSERVATORY_BROWSER_FEEDBACK_PER_KEY", 3_000, minimum=1)
BROWSER_FEEDBACK_PER_ADDRESS = here.integer("OBSERVATORY_BROWSER_FEEDBACK_PER_ADDRESS", 60, minimum=1)

SHORTEST_TOKEN = 16
METRICS_TOKEN = here.text("OBSERVATORY_METRICS_TOKEN", "")
if METRICS_TOKEN and len(METRICS_TOKEN) < SHORTEST_TOKEN:
    raise BadSetting(f"OBSERVATORY_METRICS_TOKEN has fewer than {SHORTEST_TOKEN} characters")

MASKER = here.text("OBSERVATORY_MASKER", "")

BROKER_URL = broker("OBSERVATORY_BROKER_URL", here.text("OBSERVATORY_BROKER_URL", ""))
JOBS_DATABASE_URL = _database_url("jobs")
OWNER_DATABASE_URL = _database_url("owner")

LOGGING_CONFIG = None
observatory_logging.configure(
    here.choice("OBSERVATORY_LOG_LEVEL", "INFO", observatory_logging.LEVELS), is_terminal=sys.stderr.isatty()
)
