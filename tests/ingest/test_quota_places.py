"""Places in a web process: nobody gets more than a share, everybody gets a turn."""

import threading
import time
from collections import Counter

import pytest

from ingest.quotas.places import BODY_BYTES, THREADS, Crowded, NoPlace, Places, Room, step_aside

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


def test_a_body_that_grows_takes_its_part_of_the_memory_and_gives_all_of_it_back():
    places = Places(ROOM)
    places.enter(1, 100)
    places.grow(1, 650)
    with pytest.raises(Crowded):
        places.grow(1, 1)
    places.enter(2, 100)
    with pytest.raises(Crowded):
        places.grow(2, 151)
    places.leave(1, 750)
    places.grow(2, 151)
    places.leave(2, 251)
    places.enter(1, 700)


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
        for _ in range(60 if project_id == 0 else 30):  # project 0 is alone in the end, and has all that one may have
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
    assert max(most[project_id] for project_id in range(4)) == most[0] == 2
    assert not places._working
    assert not places._lines


def test_browsers_of_a_project_take_nothing_of_what_its_apps_have_and_all_of_them_only_a_part():
    room = Room(3, 2, 4, 1000, 750, browsers_inside=3, each_browsers_inside=2)
    places = Places(room)
    for project_id in (1, 1, 2):
        places.enter(project_id, 300, is_browser=True)
    for project_id in (1, 3):
        with pytest.raises(Crowded):
            places.enter(project_id, 0, is_browser=True)
    for _ in range(4):
        places.enter(1, 0)
    with pytest.raises(Crowded):
        places.enter(1, 0)
    places.leave(2, 300, is_browser=True)
    places.enter(3, 0, is_browser=True)
    places.leave(3, 0, is_browser=True)
    for _ in range(2):
        places.leave(1, 300, is_browser=True)
    for _ in range(4):
        places.leave(1, 0)
    assert (places._inside, places._bytes, places._all_bytes, places._browsers) == ({}, {}, 0, 0)
    assert Room.of(10).each_inside + Room.of(10).browsers_inside <= THREADS


def test_a_place_is_given_up_when_the_block_raises():
    places = Places(Room(1, 1, 99, 0, 0))
    with pytest.raises(ValueError, match="spoilt"), places.working(1, 0.0):
        raise ValueError("spoilt")
    with places.working(2, 0.0):
        pass
    assert not places._working


def test_a_place_that_comes_in_the_last_moment_is_taken():
    places = Places(Room(1, 1, 99, 0, 0))
    first = places.working(1, 0.0)
    first.__enter__()
    turn = places._ask(2)
    assert not turn.lock.acquire(timeout=0.01)  # its patience has ended …
    first.__exit__(None, None, None)  # … and only then, before it says so, the place is given to it
    assert not places._gives_up(2, turn)
    places.hand_on(2)
    assert not places._working
    assert not places._lines
    with places.working(3, 0.0):
        pass
