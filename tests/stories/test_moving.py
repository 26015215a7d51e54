"""A backup of the built-in PostgreSQL, restored into an older server that is somebody else's, and from there into another."""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg
import pytest

from observatory.safekeeping import programs
from observatory.safekeeping.programs import Door, NoProgram
from tests.harness.elsewhere import PostgreSQL, postgres_of, skip_loudly
from tests.harness.installation import Installation
from tests.observatory.test_backup import FACTS, ask
from tests.stories.test_growing import Product, calls, post, until

LIKE_A_SETTING = "SET transaction_timeout = 0;"


@pytest.fixture(params=[16, 17], ids=lambda major: f"PostgreSQL {major}")
def pair(request: pytest.FixtureRequest) -> Iterator[list[PostgreSQL]]:
    """Two empty servers of one version."""
    found = postgres_of(request.param)
    if found is None:
        skip_loudly(f"POSTGRESQL {request.param}")
    with ExitStack() as servers:
        yield [servers.enter_context(closing(PostgreSQL(found))) for _ in range(2)]


@pytest.mark.fault
def test_from_the_built_in_server_to_an_older_one_and_on_to_the_next(pair, tmp_path):
    """Rows, rights, keys and secrets come along, and what is there goes on working."""
    with ExitStack() as all_of_it:
        home = all_of_it.enter_context(closing(Installation()))
        second, third = (all_of_it.enter_context(closing(Product(server.environment))) for server in pair)
        key = json.loads(home.command("prepare", "--json").stdout)["key"]
        home.web()
        post(home, key, 30, "first")

        assert "0 differing of" in moved(home, second, tmp_path / "first")
        assert facts(home.server.urls.owner) == facts(pair[0].environment["DATABASE_OWNER_URL"])
        assert "obs_live_" not in second.up()
        post(second, key, 12, "second")
        until(lambda: calls(second, key) == 42)
        second.down()

        moved(second, third, tmp_path / "second", "--skip-verify")
        assert facts(pair[0].environment["DATABASE_OWNER_URL"]) == facts(pair[1].environment["DATABASE_OWNER_URL"])


def moved(source: Installation | Product, target: Product, folder: Path, *options: str) -> str:
    """Save the one and fill the other with it; what was said at last."""
    for product, words in ((source, ("backup", str(folder))), (target, ("restore", str(folder), *options))):
        done = product.command(*words)
        assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def facts(url: str) -> dict[str, str]:
    """What a database is made of, but for the right MAINTAIN, which version 16 does not know."""
    found = {name: re.sub(r"(=[a-zA-Z]+)m/", r"\1/", str(ask(url, query))) for name, query in FACTS.items()}
    assert "[]" not in found.values()
    return found


def test_data_that_looks_like_a_setting_is_data_and_the_first_error_ends_a_restore(pair, tmp_path):
    source, target = (server.environment["DATABASE_OWNER_URL"] for server in pair)
    with psycopg.connect(source) as connection:
        connection.execute("CREATE TABLE lines (line text)")
        connection.execute("INSERT INTO lines VALUES (%s), ('-- Name: x')", [LIKE_A_SETTING])
    dump = tmp_path / "dump"
    programs.run("pg_dump", Door.of(source), "--format=custom", f"--file={dump}")

    programs.load(dump, Door.of(target))
    assert ask(target, "SELECT line FROM lines ORDER BY line DESC") == [(LIKE_A_SETTING,), ("-- Name: x",)]
    with pytest.raises(NoProgram, match='relation "lines" already exists'):
        programs.load(dump, Door.of(target))
    assert ask(target, "SELECT count(*) FROM lines") == [(2,)]  # it ended before the rows

    dump.write_bytes(dump.read_bytes()[:-40])
    with pytest.raises(NoProgram, match="pg_restore failed: pg_restore: error"):
        programs.load(dump, Door.of(target))
