"""S1: one project never sees another's data, whichever of the two walls is off; and the matrix would notice if it did."""

import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import httpx2
import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.urls import path

from tests.faults.planted.first_wall_lies import TWINS
from tests.faults.planted.first_wall_off import PROBE
from tests.harness.doors import Door, all_doors, without_rule
from tests.harness.installation import Installation, free_port, wait_until_answering
from tests.harness.matrix import (
    PARTS,
    READING,
    WRITING,
    Answer,
    Ask,
    Viewer,
    as_json,
    ask_all,
    ask_the_fitting,
    asks,
    leaks,
    put,
    viewers,
)
from tests.harness.twins import PASSWORD, Twin, columns_without, fingerprint, raise_twin

Twins = dict[str, Twin]
MORE_CALLS = 7  # twin b has so many more than twin a


@pytest.fixture(scope="module")
def doors() -> list[Door]:
    return all_doors()


@pytest.fixture(scope="module")
def twins(web: str) -> Twins:
    with httpx2.Client(base_url=f"{web}/api/v1/", timeout=30) as client:

        def send(where: str, items: Sequence[Mapping[str, Any]], key: str) -> httpx2.Response:
            return client.post(where, json=list(items), headers={"Authorization": f"Bearer {key}"})

        return {"a": raise_twin("a", send), "b": raise_twin("b", send, extra_calls=MORE_CALLS)}


@pytest.fixture(scope="module")
def stranger() -> str:
    return User.objects.create_user(f"stranger-{os.getpid()}", password=PASSWORD).username


@pytest.fixture(scope="module")
def crowd(web: str, twins: Twins, stranger: str) -> list[Viewer]:
    return viewers(web, twins, stranger)


@pytest.fixture
def planted(installation: Installation) -> Iterator[Any]:
    """Serve the product with a planted bug, or as another role; gives the address."""
    children = []

    def serve(name: str = "", **environment: str) -> str:
        port = free_port()
        words = ("tests.faults.planted", name) if name else ("observatory.embedded.web",)
        children.append(installation.child(sys.executable, "-m", *words, PORT=str(port), **environment))
        wait_until_answering(f"http://127.0.0.1:{port}/healthz", children[-1])
        return f"http://127.0.0.1:{port}"

    yield serve
    for child in children:
        child.terminate()
        child.wait(15)


def at(address: str, crowd: Sequence[Viewer], names: Sequence[str]) -> list[Viewer]:
    """The same people at another web process: sessions and keys are the same there."""
    chosen = []
    for viewer in crowd:
        if viewer.name in names:
            client = httpx2.Client(
                base_url=address, timeout=30, headers=dict(viewer.client.headers), cookies=dict(viewer.client.cookies)
            )
            client.headers["Referer"] = address
            chosen.append(Viewer(viewer.name, viewer.side, client, viewer.is_person))
    return chosen


MEMBERS = ("member of a", "member of b")
ONE_WALL = {"settings-mail", "settings-one-mail"}  # mails by default are files in a folder a project, no rows
WITHOUT_WORDS = {"strip"}  # states and times only
ALL_KINDS = (*MEMBERS, "key of a", "key of b")


def test_no_view_is_without_an_access_rule(doors):
    assert len(doors) > 30
    assert without_rule(doors) == []


def test_a_view_without_an_access_rule_would_be_named():
    def bare(request: HttpRequest) -> HttpResponse:
        return HttpResponse("everything")

    assert without_rule(all_doors([path("bare/<int:n>/", bare)])) == ["bare/<int:n>/"]


def test_the_canary_stands_in_every_stored_text(twins):
    assert {letter: columns_without(twin) for letter, twin in twins.items()} == {"a": [], "b": []}


def test_nobody_sees_or_changes_what_is_not_theirs(doors, twins, crowd):
    wanted = list(asks(doors, twins))
    seen = ask_all(crowd, wanted, READING)
    for side, other in (("a", "b"), ("b", "a")):
        before = fingerprint(twins[other])
        theirs = [viewer for viewer in crowd if viewer.side in {side, ""}]
        seen += ask_all(theirs, [ask for ask in wanted if other in ask.sides or not ask.sides], WRITING)
        after = fingerprint(twins[other])
        assert {table for table in before if before[table] != after[table]} == set()
    assert leaks(seen, twins) == []
    # No worker runs in this session, so readiness says no, as it should.
    assert [str(answer) for answer in seen if answer.status >= 500 and answer.ask.path != "/readyz"] == []
    of_members = [answer for answer in seen if answer.viewer.name in MEMBERS]
    foreign = [answer for answer in of_members if answer.ask.path.startswith(f"/{twins[_other(answer)].project.slug}/")]
    told = {answer.status for answer in foreign if answer.status != 405}  # 405 is said of every project, real or not
    assert told == {404}  # not 403: that a project exists is told to nobody
    assert _pages_without_own_canary(seen, twins) == []


def test_every_part_of_a_page_is_asked_for(doors, twins, crowd):
    pages = [ask for ask in asks(doors, twins) if ask.sides == {"a"} and not ask.said and "?" not in ask.path]
    (member,) = (viewer for viewer in crowd if viewer.name == "member of a")
    with_parts = {}
    for ask in pages:
        if found := set(re.findall(r"[?;&]part=([^&\"]+)", put(member, "GET", ask).text)):
            with_parts[ask.door] = found
    assert with_parts == {door: set(parts) for door, parts in PARTS.items()}


def _other(answer: Answer) -> str:
    return "b" if answer.viewer.side == "a" else "a"


def _pages_without_own_canary(seen: Sequence[Answer], twins: Twins) -> list[str]:
    """Pages that show their own members nothing of the project: there the canary could never be seen."""
    shown: dict[str, bool] = {}
    for answer in seen:
        own = twins.get(answer.viewer.side)
        if (
            own
            and answer.method == "GET"
            and answer.status == 200
            and answer.ask.path.startswith(f"/{own.project.slug}/")
        ):
            shown[answer.ask.door] = shown.get(answer.ask.door, False) or own.canary in answer.text
    assert len(shown) > 12
    return [door for door, is_shown in shown.items() if not is_shown and door not in WITHOUT_WORDS]


def test_numbers_count_the_own_project_only(twins, crowd):
    by_name = {viewer.name: viewer for viewer in crowd}
    counted = {}
    for letter in twins:
        answer = put(by_name[f"key of {letter}"], "GET", Ask("metric", "/api/v1/metrics/calls?window=90d", frozenset()))
        counted[letter] = as_json(answer.text)["value"]
    assert counted["b"] - counted["a"] == MORE_CALLS


def test_an_id_of_another_project_is_free_here(twins, web):
    """Whether the neighbour has an id is not told: the same id is created here, and known only the second time."""
    said = []
    for letter in "baa":
        headers = {"Authorization": f"Bearer {twins[letter].key}"}
        item = {"id": f"same-{os.getpid()}", "feature": "own", "prompt": "x"}
        answer = httpx2.post(f"{web}/api/v1/interactions", json=item, headers=headers)
        said.append(answer.json()["results"][0]["status"])
    assert said == ["created", "created", "duplicate"]


def test_row_level_security_alone_keeps_them_apart_also_for_fifty_at_once_on_two_connections(
    doors, twins, crowd, planted
):
    people = at(planted("first_wall_off", OBSERVATORY_POOL_SIZE="2"), crowd, ALL_KINDS)
    wanted = [*asks(doors, twins), Ask("outside", PROBE, frozenset())]
    assert leaks(ask_the_fitting(people, wanted), twins) == []
    quick = [ask for ask in wanted if ask.door in {"settings-keys", "settings-project", "api-interactions", "outside"}]
    seen = ask_all(people, quick * 3, ("GET",), threads=50)
    assert leaks(seen, twins) == []
    assert {answer.viewer.name for answer in seen if answer.status == 200} == set(ALL_KINDS)


def test_row_level_security_alone_keeps_them_apart_where_statements_name_the_wrong_project(
    doors, twins, crowd, planted
):
    pair = ",".join(str(twin.project.id) for twin in twins.values())
    people = at(planted("first_wall_lies", **{TWINS: pair}), crowd, ALL_KINDS)
    wanted = [ask for ask in asks(doors, twins) if ask.door not in ONE_WALL]
    assert leaks(ask_the_fitting(people, wanted), twins) == []


def test_scoped_access_alone_keeps_them_apart(doors, twins, crowd, planted, installation):
    people = at(planted(DATABASE_URL=installation.server.urls.jobs), crowd, ALL_KINDS)
    seen = ask_the_fitting(people, list(asks(doors, twins)))
    assert leaks(seen, twins) == []
    assert _pages_without_own_canary(seen, twins) == []


def test_a_setting_that_outlives_its_transaction_would_be_noticed(doors, twins, crowd, planted):
    people = at(planted("set_not_local", OBSERVATORY_POOL_SIZE="1"), crowd, MEMBERS)
    wanted = [ask for ask in asks(doors, twins) if ask.door == "overview"][:4]
    for viewer in people:
        ask_all([viewer], wanted, ("GET",))
        seen = ask_all(people, [Ask("outside", PROBE, frozenset())], ("GET",))
        if leaks(seen, twins):
            return
    pytest.fail("nobody saw the planted bug")


def test_one_unscoped_read_would_be_noticed_and_so_would_what_it_lets_people_change(
    doors, twins, crowd, planted, installation
):
    people = at(planted("unscoped_get", DATABASE_URL=installation.server.urls.jobs), crowd, ["member of a"])
    wanted = list(asks(doors, twins))
    assert leaks(ask_all(people, [ask for ask in wanted if ask.door == "incident"], ("GET",)), twins) != []
    before = fingerprint(twins["b"])
    ask_all(people, [ask for ask in wanted if ask.door == "acknowledge"], ("POST",))
    after = fingerprint(twins["b"])
    assert "incident" in {table for table in before if before[table] != after[table]}


def test_a_door_that_asks_nobody_for_membership_would_be_noticed(doors, twins, crowd, planted):
    people = at(planted("everybody_is_a_member"), crowd, ("stranger",))
    wanted = [ask for ask in asks(doors, twins) if ask.door == "overview"]
    assert leaks(ask_all(people, wanted, ("GET",)), twins) != []
