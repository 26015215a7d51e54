"""R5: charts equal the raw data, whoever writes, rolls and is killed meanwhile, and what is frozen stays as it is.

Apps write into the present and the past on both sides of the raw horizon, with commits that come long after their marks;
rollers of all kinds race and are killed, with and without the server processes that work for them; users are erased, the
horizon and the time zone move. Then it is quiet, what is due is done, and three judges compare: the product's own
`verify_rollups`, a slow count of every local day in plain SQL, and what was frozen before with what it is now.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from observatory.metrics.windows import Level
from tests.faults import recount
from tests.faults.campaign import Campaign, Ground, Planted
from tests.faults.stack import BACKEND, DATABASE, JOBS_BACKEND, WEB, WORKERS, Stack, new_project
from tests.faults.writers import Story, Writer, writing

WRITERS, BATCH, PAUSE_S = 8, 20, 0.25
KILLS, EVERY_S = 100, 3.0
RAW_DAYS, LATER_RAW_DAYS = 5, 4
PAST_DAYS, PER_DAY, YESTERDAY = 9, 150, 600
KEYS_KNOWN_FOR_S = 6.0
"""So long a web process may judge by a project's former settings."""

REQUESTS_END_S = 7.0
ERASED_AFTER_S = 14.0
SLOWEST_COMMIT_S = 0.5
ROLLED_WITHIN_S = 20.0
ZONES = ("Asia/Kathmandu", "America/St_Johns", "Australia/Lord_Howe")
GONE = "gone"
"""Users who are erased; nobody writes about them later."""

# Half of the commits of the web end up to half a second after all was done: what they marked is older than what is seen then.
SLOW_COMMITS = f"""
    CREATE OR REPLACE FUNCTION faults_slow_commit() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF current_user = 'observatory_app' AND coalesce(current_setting('faults.slept', true), '') = '' THEN
            PERFORM set_config('faults.slept', 'yes', true);
            IF random() < 0.5 THEN PERFORM pg_sleep(random() * {SLOWEST_COMMIT_S}); END IF;
        END IF;
        RETURN NULL;
    END $$;
    DROP TRIGGER IF EXISTS faults_slow_commit ON dirty_bucket;
    CREATE CONSTRAINT TRIGGER faults_slow_commit AFTER INSERT ON dirty_bucket DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION faults_slow_commit();
"""
PROMPT_COMMITS = "DROP TRIGGER IF EXISTS faults_slow_commit ON dirty_bucket"
FROZEN = f"""
    SELECT bucket, facts, dimension, feature_id, md5(s::text) FROM sheet s
    WHERE project_id = %s AND level = {Level.DAY:d} AND bucket < %s
"""
LATE = """
    SELECT (SELECT count(*) FROM late WHERE project_id = %(project)s AND id = ANY(%(ids)s)),
           (SELECT count(*) FROM interaction WHERE project_id = %(project)s AND id = ANY(%(ids)s))
"""
# The open quarter, hour and day are merged when they are read.
LEFT = """
    SELECT (SELECT count(*) FROM dirty_bucket WHERE project_id = %(project)s),
           (SELECT count(*) FROM dirty_user WHERE project_id = %(project)s),
           (SELECT count(*) FROM unmerged WHERE project_id = %(project)s AND bucket < now() - interval '26 hours')
"""
FrozenRows = dict[tuple[Any, ...], str]


@dataclass
class Rolled:
    """What came of it."""

    sent: int = 0
    kills: int = 0
    late: int = 0
    said: str = ""
    is_verified: bool = False
    wrong: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @property
    def is_kept(self) -> bool:
        """Whether all three judges agree, and nobody was refused."""
        return self.is_verified and not self.wrong and not self.complaints

    def __str__(self) -> str:
        wrong = f"; {len(self.wrong)} wrong: {'; '.join(self.wrong[:5])}" if self.wrong else ""
        refused = f"; refused: {self.complaints[:3]}" if self.complaints else ""
        return f"{self.sent:,} events, {self.kills} kills, {self.late} late; {self.said}{wrong}{refused}"


@dataclass
class Scene:
    """One project and whoever rolls it; `bug` is planted into every roller."""

    stack: Stack
    bug: str = ""
    number: int = 0
    slug: str = ""
    story: Story = field(init=False)
    rollers: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        with self.jobs() as connection:
            self.number, key = new_project(connection, "ingest,read,admin")
            row = connection.execute("SELECT slug FROM project WHERE id = %s", [self.number]).fetchone()
        assert row is not None
        self.slug = str(row[0])
        earliest = datetime.now(UTC) - timedelta(days=LATER_RAW_DAYS, hours=-1)
        self.story = Story(self.stack.port, key, earliest)

    @contextmanager
    def jobs(self) -> "Iterator[psycopg.Connection[Any]]":
        """A connection of the moment: the server may be killed between two."""
        with psycopg.connect(self.stack.urls.jobs, autocommit=True) as connection:
            yield connection

    def enlist(self, *commands: Sequence[str]) -> None:
        """Start rollers, one for each command, beside those that run."""
        for words in commands:
            name = f"roller-{len(self.rollers)}"
            plant = ("--plant", self.bug) if self.bug else ()
            self.stack.enlist(name, "tests.faults.rolling", *plant, *words)
            self.rollers.append(name)
        self.stack.start(self.rollers)

    def live(self) -> None:
        """Give the project a past of some days, every hour of them."""
        writer = Writer("past", self.story, BATCH, 0)
        now = datetime.now(UTC)
        for day in range(PAST_DAYS, 0, -1):
            count = YESTERDAY if day == 1 else PER_DAY
            moments = [now - timedelta(days=day) + timedelta(hours=23) * number / count for number in range(count)]
            items = [
                writer.interaction(at, user=f"{GONE}-{number % 4}" if number % 20 == 0 else "")
                for number, at in enumerate(moments)
            ]
            known = [item["id"] for item in items]
            said = [writer.thumb(one) for one in known[::3]] + [writer.cost(one) for one in known[::9]]
            writer.post(items + said)
        # Only those after the last horizon are spoken of again.
        kept = (LATER_RAW_DAYS - 1) * PER_DAY + YESTERDAY - PER_DAY
        self.story.known = self.story.known[-kept:]
        self.story.bare = [one for one in self.story.bare if one in set(self.story.known)]

    def set(self, column: str, value: object) -> None:
        """Change a setting of the project, as its owner would."""
        with self.jobs() as connection:
            connection.execute(f"UPDATE project SET {column} = %s WHERE id = %s", [value, self.number])

    def forget(self, raw_days: int, pause_s: float) -> None:
        """Move the raw horizon, and delete what stands before it."""
        self.set("raw_days", raw_days)
        time.sleep(pause_s)
        self.stack.module("tests.faults.rolling", "retain", self.slug, str(pause_s))

    def horizon(self) -> datetime:
        """Before which all is frozen."""
        with self.jobs() as connection:
            row = connection.execute("SELECT raw_horizon FROM project WHERE id = %s", [self.number]).fetchone()
        assert row is not None
        assert row[0] is not None
        return datetime.fromisoformat(row[0].isoformat())

    def wait_for_rollers(self) -> None:
        """Let those who rolled all the time have the last word: until nothing is dirty, or long enough."""
        deadline = time.monotonic() + ROLLED_WITHIN_S
        while time.monotonic() < deadline:
            with self.jobs() as connection:
                if connection.execute(LEFT, {"project": self.number}).fetchone() == (0, 0, 0):
                    return
            time.sleep(0.1)

    def frozen(self, horizon: datetime) -> FrozenRows:
        """What is kept of the days before a horizon."""
        with self.jobs() as connection:
            return {row[:-1]: row[-1] for row in connection.execute(FROZEN, [self.number, horizon])}


@contextmanager
def slow_commits(stack: Stack) -> Iterator[None]:
    """Let commits of the web take their time while the block runs."""
    with psycopg.connect(stack.superuser_url, autocommit=True) as connection:
        connection.execute(SLOW_COMMITS)
    try:
        yield
    finally:
        stack.start([DATABASE])
        with psycopg.connect(stack.superuser_url, autocommit=True) as connection:
            connection.execute(PROMPT_COMMITS)


def charts(ground: Ground) -> Rolled:
    """All of it, with the product's own workers."""
    scene = Scene(ground.stack)
    ground.stack.start([DATABASE, WEB, *WORKERS])
    kills = ground.of(KILLS)
    since = (datetime.now(UTC) - timedelta(days=2)).date().isoformat()
    commands = (
        ("catch_up", "--project", scene.slug), ("catch_up", "--project", scene.slug),
        ("backfill_rollups", "--project", scene.slug, "--from", since),
    )  # fmt: skip
    return _raced(ground, scene, commands, kills)


def rolled_under(bug: str) -> Any:
    """A short run under a planted bug: two rollers, nothing killed."""

    def attempt(ground: Ground) -> Rolled:
        scene = Scene(ground.stack, bug)
        catch_up = ("catch_up", "--project", scene.slug)
        return _raced(ground, scene, (catch_up, catch_up), kills=0)

    return attempt


def _raced(ground: Ground, scene: Scene, commands: Sequence[Sequence[str]], kills: int) -> Rolled:
    stack, found = scene.stack, Rolled(kills=kills)
    is_long = kills > 10
    try:
        with slow_commits(stack):
            scene.enlist(*commands)
            scene.live()
            scene.forget(RAW_DAYS, 0)
            horizon = scene.horizon()
            before = scene.frozen(horizon)
            with writing(scene.story, WRITERS, batch=BATCH, pause_s=PAUSE_S):
                _shaken(ground, scene, kills, is_long=is_long)
        stack.start([DATABASE, WEB, *scene.rollers])
        scene.wait_for_rollers()
    finally:
        stack.dismiss(*scene.rollers)
    _settle(scene)
    _judge(scene, found, horizon, before)
    return found


def _shaken(ground: Ground, scene: Scene, kills: int, *, is_long: bool) -> None:
    """Kill, erase, move the zone and the horizon, while apps write."""
    stack, chance = scene.stack, ground.chance
    scene.enlist()
    began = time.monotonic()
    eraser = Writer("eraser", scene.story, 1, 0)
    targets = [*scene.rollers, *scene.rollers, JOBS_BACKEND, WORKERS[0], BACKEND]
    parts = [DATABASE, WEB, *(WORKERS if kills else ()), *scene.rollers]
    if not scene.bug:  # both have much counted again, which may heal what the bug has spoilt
        scene.set("time_zone", ZONES[0])
        eraser.erase(f"{GONE}-0")
    for number in range(kills):
        time.sleep(EVERY_S * (0.5 + chance.random()) if is_long else 0.7)
        stack.kill(chance.choice(targets) if is_long else targets[number % len(targets)])
        stack.start(parts)
        _let_late_ones_come(scene, began)
        if number == kills // 3:
            scene.set("time_zone", ZONES[1])
            eraser.erase(f"{GONE}-1")
        if is_long and number == kills // 2:
            scene.forget(LATER_RAW_DAYS, REQUESTS_END_S)
            scene.set("time_zone", ZONES[2])
            eraser.erase(f"{GONE}-2")
        if number % 10 == 9:
            ground.say(f"  {number + 1}/{kills}")
    time.sleep(max(0.0, KEYS_KNOWN_FOR_S - (time.monotonic() - began)))
    _let_late_ones_come(scene, began)
    time.sleep(2.0)


def _let_late_ones_come(scene: Scene, began: float) -> None:
    """From when on every web process judges by the new horizon, send what lies before it."""
    if time.monotonic() - began >= KEYS_KNOWN_FOR_S:
        scene.story.horizon = scene.story.horizon or scene.horizon()


def _settle(scene: Scene) -> None:
    """Do what is due, erasures included; nobody writes any more."""
    deadline = time.monotonic() + 2 * ERASED_AFTER_S
    while "not due yet" in scene.stack.command("catch_up", "--project", scene.slug).stdout:
        if time.monotonic() > deadline:
            raise RuntimeError("an erasure is still not due")
        time.sleep(1)


def _judge(scene: Scene, found: Rolled, horizon: datetime, before: FrozenRows) -> None:
    done = scene.stack.command("verify_rollups", "--all", "--project", scene.slug, may_fail=True)
    lines = done.stdout.strip().splitlines()
    found.said = lines[-1] if lines else done.stderr[-300:]
    found.is_verified = not done.returncode
    found.wrong += [line for line in lines[:-1] if line]
    after = scene.frozen(horizon)
    changed = sum(after.get(place) != md5 for place, md5 in before.items())
    if changed or not before:
        found.wrong.append(f"{changed} of {len(before)} frozen sheets changed")
    with scene.jobs() as connection:
        project = recount.project_now(connection, scene.number)
        found.wrong += recount.differences(connection, project, scene.stack.port, scene.story.key)
        late = sorted(scene.story.late)
        row = connection.execute(LATE, {"project": scene.number, "ids": late}).fetchone()
        left = connection.execute(LEFT, {"project": scene.number}).fetchone()
    if left != (0, 0, 0):
        found.wrong.append(f"marks of buckets, marks of users, unmerged: {left}")
    if row != (len(late), 0):
        found.wrong.append(f"{len(late)} late events sent; counted aside and stored: {row}")
    found.sent, found.late, found.complaints = scene.story.sent, len(late), scene.story.refused


CAMPAIGN = Campaign(
    "R5",
    {"charts": charts},
    {
        bug: Planted(rolled_under(bug), lambda found: len(found.wrong))
        for bug in (
            "adds_to_what_is_stored", "rolls_to_a_watermark", "counts_into_frozen", "merges_what_is_dirty",
        )
    },
)  # fmt: skip
