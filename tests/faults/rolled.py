"""R5: charts equal the raw data, whoever writes, rolls and is killed meanwhile, and what is frozen stays as it is.

Apps write into the present and the past on both sides of the raw horizon, with commits that come long after their marks;
rollers of all kinds race and are killed, with and without the server processes that work for them; users are erased, the
horizon and the time zone move. Then it is quiet, what is due is done, and three judges compare: the product's own
`verify_rollups`, a slow count of every local day in plain SQL, and what was frozen before with what it is now.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from ingest.timeline import EPOCH
from observatory.metrics.windows import Level
from tests.faults import recount
from tests.faults.campaign import Campaign, Ground, Planted
from tests.faults.stack import BACKEND, DATABASE, JOBS_BACKEND, WEB, WORKERS, Stack, connected, new_project
from tests.faults.writers import Story, Writer, writing

WRITERS, BATCH, PAUSE_S = 8, 20, 0.25
KILLS, EVERY_S = 100, 3.0
SHORT = 10
"""Up to so many kills it is the short form: each kind of target once, the horizon moves only before."""

LEAST_S, LATE_S = 3.0, 1.5
RAW_DAYS, LATER_RAW_DAYS = 5, 4
PAST_DAYS, PER_DAY, YESTERDAY = 9, 150, 600
KEYS_KNOWN_FOR_S = 6.0
"""So long a web process may judge by a project's former settings."""

REQUESTS_END_S = 7.0
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
    """One project and whoever rolls it; `bug` is planted into every roller, `is_frozen`: it has a raw horizon.

    From `judged_from` on (in `time.monotonic`) the web judges by it. Apps write for at least `least_s`.
    """

    stack: Stack
    bug: str = ""
    is_frozen: bool = True
    least_s: float = LEAST_S
    judged_from: float = 0.0
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
        with connected(self.stack.urls.jobs) as connection:
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
        if not self.bug:  # it has much counted again, which may heal what the bug has spoilt
            self.erase(0)

    def set(self, column: str, value: object) -> None:
        """Change a setting of the project, as its owner would."""
        with self.jobs() as connection:
            connection.execute(f"UPDATE project SET {column} = %s WHERE id = %s", [value, self.number])

    def forget(self, raw_days: int, pause_s: float) -> None:
        """Move the raw horizon, and delete what stands before it."""
        self.set("raw_days", raw_days)
        self.judged_from = time.monotonic() + KEYS_KNOWN_FOR_S
        time.sleep(pause_s)
        self.stack.module("tests.faults.rolling", "retain", self.slug, str(pause_s))

    def horizon(self) -> datetime | None:
        """Before which all is frozen."""
        with self.jobs() as connection:
            row = connection.execute("SELECT raw_horizon FROM project WHERE id = %s", [self.number]).fetchone()
        assert row is not None
        horizon: datetime | None = row[0]
        return horizon

    def let_late_ones_come(self) -> bool:
        """As soon as every web process judges by the horizon, have also sent what lies before it."""
        if self.is_frozen and time.monotonic() >= self.judged_from:
            self.story.horizon = self.story.horizon or self.horizon()
        return self.story.horizon is not None

    def erase(self, number: int) -> None:
        """Ask for the erasure of one of those users whom nobody writes about any more."""
        Writer(f"eraser-{number}", self.story, 1, 0).erase(f"{GONE}-{number}")

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
    with connected(stack.superuser_url) as connection:
        connection.execute(SLOW_COMMITS)
    try:
        yield
    finally:
        stack.start([DATABASE])
        with connected(stack.superuser_url) as connection:
            connection.execute(PROMPT_COMMITS)


def charts(ground: Ground) -> Rolled:
    """All of it; in the long form beside the product's own workers, whose start alone would take the short one's time."""
    scene, kills = Scene(ground.stack), ground.of(KILLS)
    since = (datetime.now(UTC) - timedelta(days=2)).date().isoformat()
    catch_up, backfill = ("catch_up", "--project", scene.slug), ("backfill_rollups", "--project", scene.slug)
    commands = [catch_up, (*backfill, "--from", since)]
    if kills > SHORT:
        ground.stack.start(WORKERS)
        commands.append(catch_up)
    return _raced(ground, scene, commands, kills)


def rolled_under(
    bug: str, *, is_frozen: bool = False, least_s: float = LEAST_S, rollers: int = 2
) -> Callable[[Ground], Rolled]:
    """A short run under a planted bug, nothing killed; with a horizon where the bug is about that."""

    def attempt(ground: Ground) -> Rolled:
        scene = Scene(ground.stack, bug, is_frozen, least_s)
        return _raced(ground, scene, [("catch_up", "--project", scene.slug)] * rollers, kills=0)

    return attempt


def _raced(ground: Ground, scene: Scene, commands: Sequence[Sequence[str]], kills: int) -> Rolled:
    stack, found = scene.stack, Rolled(kills=kills)
    try:
        scene.enlist(*commands)
        scene.live()
        if scene.is_frozen:
            scene.forget(RAW_DAYS, 0)
        horizon = scene.horizon() or EPOCH
        before = scene.frozen(horizon)
        with slow_commits(stack), writing(scene.story, WRITERS, batch=BATCH, pause_s=PAUSE_S):
            _shaken(ground, scene, kills)
        stack.start([DATABASE, WEB, *scene.rollers])
        scene.wait_for_rollers()
    finally:
        stack.dismiss(*scene.rollers)
    _judge(scene, found, horizon, before)
    return found


def _shaken(ground: Ground, scene: Scene, kills: int) -> None:
    """Kill, erase, move the zone and the horizon, while apps write."""
    stack, chance, is_long = scene.stack, ground.chance, kills > SHORT
    targets = [scene.rollers[0], JOBS_BACKEND, *scene.rollers[1:], BACKEND, *(WORKERS[:1] if is_long else ())]
    parts = [DATABASE, WEB, *(WORKERS if is_long else ()), *scene.rollers]
    if not scene.bug:  # it has much counted again, which may heal what the bug has spoilt
        scene.set("time_zone", ZONES[0])
    began = time.monotonic()
    for number in range(kills):
        time.sleep(EVERY_S * (0.5 + chance.random()) if is_long else EVERY_S / 4)
        stack.kill(chance.choice(targets) if is_long else targets[number % len(targets)])
        stack.start(parts)
        scene.let_late_ones_come()
        if number == kills // 3:
            scene.set("time_zone", ZONES[1])
            if is_long:  # the short one has no time to wait until it is due
                scene.erase(1)
        if is_long and number == kills // 2:
            stack.halt(scene.rollers)  # which roll without a pause, so that nobody else ever finds the project free
            scene.forget(LATER_RAW_DAYS, REQUESTS_END_S)
            scene.set("time_zone", ZONES[2])
            scene.erase(2)
        if number % 10 == 9:
            ground.say(f"  {number + 1}/{kills}")
    least = max(began + scene.least_s, scene.judged_from if scene.is_frozen else 0)
    time.sleep(max(0.0, least - time.monotonic()))
    if scene.let_late_ones_come():
        time.sleep(LATE_S)


def _judge(scene: Scene, found: Rolled, horizon: datetime, before: FrozenRows) -> None:
    done = scene.stack.module("tests.faults.rolling", "settle", scene.slug, may_fail=True)
    lines = done.stdout.strip().splitlines()
    found.said = lines[-1] if lines else done.stderr[-300:]
    found.is_verified = not done.returncode
    found.wrong += [line for line in lines[:-1] if line]
    after = scene.frozen(horizon)
    changed = sum(after.get(place) != md5 for place, md5 in before.items())
    if changed or (scene.is_frozen and not before):
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


def _wrong(found: Rolled) -> int:
    return len(found.wrong)


CAMPAIGN = Campaign(
    "R5",
    {"charts": charts},
    {
        "adds_to_what_is_stored": Planted(rolled_under("adds_to_what_is_stored"), _wrong),
        # Another roller, whose watermark lies elsewhere, would count what the first one leaves out.
        "rolls_to_a_watermark": Planted(rolled_under("rolls_to_a_watermark", least_s=12, rollers=1), _wrong),
        "counts_into_frozen": Planted(rolled_under("counts_into_frozen", is_frozen=True), _wrong),
        "merges_what_is_dirty": Planted(rolled_under("merges_what_is_dirty", least_s=6), _wrong),
    },
)
