"""A setting that cannot be used stops whatever is started, in one line that names it."""

import subprocess
import sys
from pathlib import Path

import pytest

from observatory.env import BadSetting, Environment, broker, database, mail
from tests.harness.installation import free_port

ROOT = Path(__file__).resolve().parents[2]
BAD = [
    ("PORT", "abc"),
    ("PORT", "70000"),
    ("OBSERVATORY_PUBLIC_URL", "nohost"),
    ("OBSERVATORY_PUBLIC_URL", "http://[x"),
    ("OBSERVATORY_METRICS_TOKEN", "short"),
    ("OBSERVATORY_DATA_DIR", "/etc/passwd"),
    ("DATABASE_JOBS_URL", "postgresql://a:b@host:port/name"),
    ("DATABASE_OWNER_URL", "nothing"),
    ("OBSERVATORY_ROLE", "god"),
    ("OBSERVATORY_SECRET_KEY", "short"),
    ("OBSERVATORY_ALLOWED_WEBHOOK_NETWORKS", "foo"),
    ("OBSERVATORY_ALLOWED_WEBHOOK_NETWORKS", "10.20.0.1/16"),
    ("EMAIL_URL", "bogus://x"),
    ("EMAIL_URL_FILE", "/nonexist"),
    ("OBSERVATORY_BROKER_URL", "http://x"),
    ("OBSERVATORY_WEB_WORKERS", "x"),
    ("OBSERVATORY_LOG_LEVEL", "LOUD"),
]


def said_by(installation, words: list[str], **environment: str) -> tuple[int, str]:
    """How a process ended and what it wrote to standard error."""
    done = subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env={**installation.environment, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_command_ends_with_one_line_that_names_the_setting(installation, name, value):
    code, said = said_by(installation, ["manage.py", "check"], **{name: value})
    assert (code, said.count("\n"), said.startswith(name)) == (1, 1, True), said


@pytest.mark.parametrize(
    "words", [["-m", "observatory.jobs", "beat"], ["-m", "observatory.jobs", "tell"], ["manage.py", "up"]]
)
def test_so_does_every_other_process(installation, words):
    code, said = said_by(installation, words, EMAIL_URL="bogus://x")
    assert (code, said.count("\n"), said.startswith("EMAIL_URL")) == (1, 1, True), said


def test_the_web_ends_without_a_traceback(installation):
    code, said = said_by(installation, ["-m", "observatory.embedded.web"], EMAIL_URL="bogus://x")
    assert code == 1
    assert "EMAIL_URL is smtp://" in said
    assert "Traceback" not in said


def test_a_data_folder_that_cannot_be_made_is_told(installation):
    folder = "/proc/nowhere"
    code, said = said_by(
        installation, ["manage.py", "up"], DATABASE_URL="", PORT=str(free_port()), OBSERVATORY_DATA_DIR=folder
    )
    assert (code, said) == (1, f"Observatory cannot start: {folder} cannot be made: No such file or directory.\n")


def test_no_complaint_repeats_a_password():
    for read, url in (
        (mail, "smtp://me:hunter2/@mail.example.com"),
        (database, "postgresql://me:hunter2/@db/name"),
        (broker, "redis://:hunter2/@broker/0"),
        (broker, "http://:hunter2@broker/0"),
    ):
        with pytest.raises(BadSetting) as refused:
            read("NAME", url)
        assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["", "redis://:word@valkey:6379/0", "rediss://valkey", "amqp://u:w@rabbit//", "amqps://r"]
)
def test_a_broker_is_redis_or_amqp_or_not_set(url):
    assert broker("OBSERVATORY_BROKER_URL", url) == url


def test_a_file_that_is_no_text_cannot_be_read(tmp_path):
    (tmp_path / "key").write_bytes(b"\xd0\x00\xff")
    with pytest.raises(BadSetting, match=r"KEY_FILE=.* it is not UTF-8 text"):
        Environment({"KEY_FILE": str(tmp_path / "key")}).text("KEY")
