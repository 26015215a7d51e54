"""Places in a web process: nobody gets more than a share, everybody gets a turn."""

import threading
import time
from collections import Counter

import pytest

from ingest.quotas.places import BODY_BYTES, Crowded, NoPlace, Places, Room, step_aside

ROOM = Room(working=3, each_working=2, each_inside=4, body_bytes=1000, each_body_bytes=750)


def test_the_room_leaves_something_to_others():
    room = Room.of(10)
    assert (room.working, room.each_working, room.each_inside) == (9, 8, 96)
    assert room.each_body_bytes < room.body_bytes == BODY_BYTES
    assert Room.of(1).each_working == Room.of(2).each_working == 1


def test_a_project_may_have_so_much_inside_and_no_more():
    places = Places(ROOM)
    for _ in range(4):
        places.enter(1, 0)
    with pytest.raises(Crowded):
        places.enter(1, 0)
    places.enter(2, 0)
    places.leave(1, 0)
    places.enter(1, 0)


def test_bodies_in_memory_are_bounded_for_one_and_for_all_but_the_first_always_fits():
    places = Places(ROOM)
    places.enter(1, 5000)
    with pytest.raises(Crowded):
        places.enter(1, 1)
    places.leave(1, 5000)
    places.enter(1, 400)
    places.enter(1, 350)
    with pytest.raises(Crowded):
        places.enter(1, 1)
    places.enter(2, 100)
    with pytest.raises(Crowded):
        places.enter(2, 200)


def test_one_project_never_works_in_every_place():
    places = Places(ROOM)
    with places.working(1, 0.0), places.working(1, 0.0):
        with pytest.raises(NoPlace), places.working(1, 0.01):
            pass
        with places.working(2, 0.0), pytest.raises(NoPlace), places.working(3, 0.01):
            pass
    with places.working(1, 0.0):
        pass
    assert not places._working
    assert not places._lines


def test_a_place_is_handed_on_from_project_to_project_in_turn():
    places, order, guard = Places(Room(1, 1, 99, 0, 0)), [], threading.Lock()

    def work(project_id):
        with places.working(project_id, 10), guard:
            order.append(project_id)

    with places.working(9, 0.0):
        threads = []
        for project_id in (1, 1, 1, 2, 3):
            threads.append(threading.Thread(target=work, args=(project_id,)))
            threads[-1].start()
            time.sleep(0.02)
    for thread in threads:
        thread.join(5)
    assert order == [1, 2, 3, 1, 1]


def test_who_steps_aside_frees_the_place_once():
    places = Places(Room(1, 1, 99, 0, 0))
    with places.working(1, 0.0):
        step_aside()
        step_aside()
        with places.working(2, 0.0), pytest.raises(NoPlace), places.working(1, 0.0):
            pass
    assert not places._working


def test_stepping_aside_without_a_place_is_nothing():
    step_aside()


def test_many_threads_never_exceed_any_share_and_leave_nothing_behind():
    places, now, most, guard = Places(ROOM), Counter(), Counter(), threading.Lock()

    def work(project_id):
        for _ in range(30):
            with places.working(project_id, 20):
                with guard:
                    now[project_id] += 1
                    most[project_id] = max(most[project_id], now[project_id])
                    most["all"] = max(most["all"], sum(now.values()))
                time.sleep(0.0005)
                with guard:
                    now[project_id] -= 1

    threads = [threading.Thread(target=work, args=(number % 4,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert most["all"] == 3
    assert max(most[project_id] for project_id in range(4)) == 2
    assert not places._working
    assert not places._lines
