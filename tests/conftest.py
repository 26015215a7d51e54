"""The session's installation, fresh projects for every test, and the seconds of each tests/ folder."""

import functools
import itertools
import os
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpcore2
import httpx2
import pytest
from hypothesis import HealthCheck, settings

from tests.harness import memory, people, prepared
from tests.harness.installation import Installation

pytest_plugins = ["tests.harness.chromium"]

# A busy machine is slow, not wrong: no property may fail by the clock.
settings.register_profile("by facts", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("by facts")

# Hundreds of clients talk plain HTTP here: what certificates they would trust is read once, not by each.
httpcore2.default_ssl_context = functools.cache(httpcore2.default_ssl_context)

LONG_FILES = {"tests/browser", "tests/faults", "tests/stories"}

_installation: Installation | None = None
_seconds: dict[str, float] = defaultdict(float)
_numbers = itertools.count(1)


def _is_controller(config: pytest.Config) -> bool:
    """Whether this process only hands out work to others (pytest-xdist)."""
    return bool(getattr(config.option, "numprocesses", None)) and not hasattr(config, "workerinput")


def pytest_configure(config: pytest.Config) -> None:
    """Start PostgreSQL, migrate it and set Django up before any test module is imported."""
    global _installation
    if config.option.collectonly:
        return
    if not hasattr(config, "workerinput"):
        memory.begin()
        prepared.begin()
    if _is_controller(config):
        return
    _installation = Installation()
    os.environ.update(_installation.environment)
    os.environ["OBSERVATORY_ROLE"] = "jobs"
    import django

    django.setup()
    from ingest import partitions, timeline

    partitions.ensure(timeline.now())


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where two share the files, hand out first those that take long for few tests, so that neither ends alone with one."""
    if not hasattr(config, "workerinput"):
        return
    sizes = Counter(item.path for item in items)
    long = {item.path for item in items if item.get_closest_marker("fault") or _folder(item.nodeid) in LONG_FILES}
    items.sort(key=lambda item: (item.path not in long, -sizes[item.path]))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing behind."""
    if _installation is not None:
        _installation.close()
    if not hasattr(config, "workerinput"):
        prepared.end()
        memory.end()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add a phase's seconds to its folder."""
    _seconds[_folder(report.nodeid)] += report.duration


def _folder(nodeid: str) -> str:
    parts = nodeid.split("::", maxsplit=1)[0].split("/")
    return "/".join(parts[:2]) if len(parts) > 2 else parts[0]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the seconds of each tests/ folder, the slowest first."""
    if _seconds:
        terminalreporter.section("seconds of each folder")
        for folder, seconds in sorted(_seconds.items(), key=lambda item: -item[1]):
            terminalreporter.write_line(f"{seconds:8.1f} s  {folder}")


@pytest.fixture(scope="session")
def installation() -> Installation:
    """The session's database and processes."""
    assert _installation is not None
    return _installation


@pytest.fixture(scope="session")
def web(installation: Installation) -> str:
    """The base address of a real web process that runs as the app role."""
    return installation.web()


@pytest.fixture
def enterable() -> Iterator[Path]:
    """A folder that the account of the database may pass through, so that a cluster in there stays in there."""
    made = memory.enterable("observatory-enterable-")
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="session")
def make_project() -> Callable[..., Any]:
    """Make a fresh project: tests share one database and never each other's projects."""
    from ingest import timeline
    from ingest.projects.models import Project

    def make(name: str = "", **fields: Any) -> Any:
        number = f"{os.getpid()}-{next(_numbers)}"
        fields.setdefault("created_at", timeline.now() - timedelta(days=90))
        return Project.objects.create(slug=f"project-{number}", name=name or f"Project {number}", **fields)

    return make


@pytest.fixture
def project(make_project: Callable[..., Any]) -> Any:
    """A fresh project."""
    return make_project()


@pytest.fixture(scope="session")
def make_key() -> Callable[..., str]:
    """Make an API key of a project; gives its text."""
    from ingest import timeline
    from ingest.projects import keys
    from ingest.projects.models import ApiKey
    from ingest.projects.scope import project_scope

    def make(project: Any, scopes: str = "ingest,read") -> str:
        new = keys.make("test")
        with project_scope(project.id):
            ApiKey.objects.create(public=new.public, key_hash=new.key_hash, scopes=scopes, created_at=timeline.now())
        return new.text

    return make


@pytest.fixture
def key(project: Any, make_key: Callable[..., str]) -> str:
    """An ingest and read key of the fresh project."""
    return make_key(project)


@pytest.fixture
def post(web: str, key: str) -> Iterator[Callable[..., httpx2.Response]]:
    """POST JSON to an API path of the running web process with the fresh project's key."""
    with httpx2.Client(base_url=web, timeout=20) as client:

        def send(path: str, body: Any = None, *, key: str = key, **options: Any) -> httpx2.Response:
            headers = {"Authorization": f"Bearer {key}", **options.pop("headers", {})}
            if body is not None:
                options["json"] = body
            return client.post(f"/api/v1/{path.lstrip('/')}", headers=headers, **options)

        yield send


@pytest.fixture
def member(project: Any) -> Any:
    """A person who owns the fresh project, with the password `correct horse`."""
    from ingest.projects.models import Membership

    user = people.user_named(f"maya-{os.getpid()}-{next(_numbers)}")
    Membership.objects.create(project=project, user=user)
    return user
