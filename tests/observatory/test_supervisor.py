"""Children live and die together, and a busy port stops a start before it begins."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from observatory.embedded import supervisor, up
from observatory.embedded.errors import EmbeddedError
from observatory.embedded.listening import address
from observatory.embedded.supervisor import Ending, Supervisor
from tests.harness.installation import free_port

ROOT = Path(__file__).resolve().parents[2]
SLEEPER = ("timeit", "-n1", "-r1", "import time; time.sleep(60)")
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
STUBBORN = ("timeit", "-n1", "-r1", DEAF)
FAILING = ("json.tool", "/nowhere")
WATCHER = f"""
import os
from observatory.embedded.supervisor import Supervisor
one = Supervisor(lambda: True)
one.listen()
one.start({{"first": {SLEEPER!r}, "second": {SLEEPER!r}}}, os.environ)
print(*(child.pid for child in one._children.values()), flush=True)
print(one.watch().wanted, flush=True)
one.stop()
"""


SIGNALLED = """
import signal
from observatory.embedded import supervisor
supervisor.GLANCE_SECONDS = 1e-5
for _ in range(200):
    one = supervisor.Supervisor(lambda: True)
    signal.signal(signal.SIGALRM, one._on_signal)
    signal.setitimer(signal.ITIMER_REAL, 0.002)
    assert one.watch().wanted
"""


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def children_of(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_until(holds: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


@pytest.fixture
def one() -> Iterator[Supervisor]:
    watching = Supervisor(lambda: True)
    yield watching
    for child in watching._living():
        child.kill()
        child.wait()


def test_one_childs_death_is_the_ending_and_is_named(one):
    one.start({"stays": SLEEPER, "goes": FAILING}, os.environ)
    assert one.watch() == Ending(False, "goes ended with exit code 2")


def test_a_killed_child_is_told_by_its_signal(one):
    one.start({"web": SLEEPER}, os.environ)
    assert one.ending() is None
    one._children["web"].kill()
    assert one.watch() == Ending(False, "web ended by signal SIGKILL")


def test_a_wish_to_stop_is_heard_at_any_moment():
    subprocess.run([sys.executable, "-c", SIGNALLED], cwd=ROOT, check=True, timeout=60)


def test_the_databases_death_is_an_ending():
    assert Supervisor(lambda: False).ending() == Ending(False, "the database ended")


def test_watching_ends_as_soon_as_all_is_ready(one):
    one.start({"web": SLEEPER}, os.environ)
    assert one.watch(until=lambda: True) is None


def test_a_child_that_will_not_go_is_killed(one, monkeypatch):
    monkeypatch.setattr(supervisor, "STOP_SECONDS", 1)
    one.start({"deaf": STUBBORN, "polite": SLEEPER}, os.environ)
    time.sleep(0.5)
    one.stop()
    codes = {name: child.returncode for name, child in one._children.items()}
    assert codes == {"deaf": -signal.SIGKILL, "polite": -signal.SIGTERM}


@pytest.mark.parametrize("order", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_however_the_supervisor_ends_no_child_is_left(order):
    # The tests themselves may have been started by nohup, which children inherit.
    command = ["env", "--default-signal=HUP", sys.executable, "-c", WATCHER]
    watcher = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert watcher.stdout is not None
    pids = [int(word) for word in watcher.stdout.readline().split()]
    assert len(pids) == 2
    assert all(map(is_alive, pids))
    watcher.send_signal(order)
    said = watcher.stdout.read()
    assert (watcher.wait(10), said) == ((-9, "") if order == signal.SIGKILL else (0, "True\n"))
    wait_until(lambda: not any(map(is_alive, pids)))


def test_a_start_by_nohup_outlives_its_terminal():
    command = ["nohup", sys.executable, "-c", WATCHER]
    watcher = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert watcher.stdout is not None
    watcher.stdout.readline()
    watcher.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        watcher.wait(0.5)
    watcher.terminate()
    assert watcher.wait(10) == 0
    watcher.stdout.close()


def test_the_web_worker_goes_with_a_killed_web_process(installation):
    port = free_port()
    web = supervisor.spawn(supervisor.CHILDREN["web"], {**installation.environment, "PORT": str(port)})
    wait_until(lambda: web.poll() is not None or answers(port), 30)
    (worker,) = children_of(web.pid)
    web.kill()
    web.wait()
    wait_until(lambda: not is_alive(worker))


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_busy_port_is_one_line_before_anything_is_started(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        environment = {**os.environ, "PORT": str(port), "OBSERVATORY_DATA_DIR": str(tmp_path / "var")}
        command = [sys.executable, "-m", "observatory.embedded.up"]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"Observatory cannot start: port {port} on 127.0.0.1 is in use; choose another: PORT={port + 1} make up\n"
    )
    assert not (tmp_path / "var").exists()


def test_a_port_that_was_just_left_is_free():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        served, _ = listener.accept()
        served.close()  # the side that closes first keeps the port in TIME_WAIT
        client.close()
    up.refuse_busy_port("127.0.0.1", port)


def test_an_address_that_is_not_ours_is_told():
    with pytest.raises(EmbeddedError, match=r"port 80 on 192\.0\.2\.1 cannot be used"):
        up.refuse_busy_port("192.0.2.1", 80)


@pytest.mark.parametrize(
    ("public_url", "wish", "expected"),
    [
        ("", "", "127.0.0.1"),
        ("http://localhost:8000", "", "127.0.0.1"),
        ("http://[::1]:8000", "", "127.0.0.1"),
        ("https://llm.example.org", "", "0.0.0.0"),
        ("https://llm.example.org", "127.0.0.1", "127.0.0.1"),
        ("http://localhost:8000", "0.0.0.0", "0.0.0.0"),
    ],
)
def test_the_product_listens_to_others_only_when_published_to_others(public_url, wish, expected):
    assert address(public_url, wish) == expected


def test_every_start_closes_with_three_lines_and_a_later_one_says_how_to_replace_the_password():
    first = up.closing_lines("http://localhost:8000", is_first=True)
    later = up.closing_lines("http://localhost:8000", is_first=False)
    assert [line.split()[0] for line in first] == [line.split()[0] for line in later] == ["Open", "Sign", "Next"]
    assert ("the password above" in first[1], "manage.py changepassword admin" in later[1]) == (True, True)
    assert first[2].endswith("manage.py demo")


@pytest.mark.parametrize("name", ["DATABASE_URL", "DATABASE_JOBS_URL", "DATABASE_OWNER_URL"])
def test_a_wrong_password_is_one_line_before_anything_is_started(installation, name):
    role, _, rest = installation.environment[name].removeprefix("postgresql://").partition(":")
    wrong = f"postgresql://{role}:wrong@{rest.partition('@')[2]}"
    environment = {**installation.environment, "PORT": str(free_port()), name: wrong}
    done = subprocess.run(
        [sys.executable, "-m", "observatory.embedded.up"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert done.stderr.startswith(f"Observatory cannot start: {name} does not lead into a database: ")
    assert f'password authentication failed for user "{role}"' in done.stderr
