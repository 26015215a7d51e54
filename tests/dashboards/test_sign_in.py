"""Signing in: a few tries are free, then each waits longer; and nobody is kept out by somebody else's tries for long."""

import itertools
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth import forms
from django.contrib.auth.models import User
from django.test import Client, override_settings

from dashboards import tries
from dashboards.pages import sign_in
from dashboards.tries import Failures

PASSWORD = "correct horse"
_numbers = itertools.count(1)


@pytest.fixture(autouse=True)
def fresh():
    sign_in._failures.clear()
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):  # a hundred tries
        yield


@pytest.fixture
def person():
    return User.objects.create_user(f"tess-{os.getpid()}-{next(_numbers)}", password=PASSWORD)


def browser():
    return Client(SERVER_NAME="localhost")


def attempt(person, password, address="192.0.2.1", client=None):
    client = client or browser()
    return client.post("/sign-in/", {"username": person.username, "password": password}, REMOTE_ADDR=address)


def spend(person, tries, addresses=("192.0.2.1",)):
    return [
        attempt(person, "wrong", address).status_code
        for _, address in zip(range(tries), itertools.cycle(addresses), strict=False)
    ]


@pytest.mark.parametrize(
    ("failures", "free", "expected"),
    [
        (None, 5, 0.0),
        (Failures(4, 100.0), 5, 0.0),
        (Failures(5, 100.0), 5, 15.0),
        (Failures(6, 100.0), 5, 30.0),
        (Failures(10, 100.0), 5, 480.0),
        (Failures(11, 100.0), 5, 900.0),
        (Failures(5_000, 100.0), 5, 900.0),
    ],
)  # fmt: skip
def test_waits_double_from_15_seconds_to_15_minutes(failures, free, expected):
    assert tries.wait_s(failures, free, 100.0) == expected
    assert tries.wait_s(failures, free, 100.0 + expected) == 0.0


def test_failures_are_forgotten_after_hours_of_peace():
    again = tries.after_failure(Failures(9, 0.0), tries.FORGOTTEN_AFTER_S + 1)
    assert again.count == 1
    assert tries.after_failure(Failures(9, 0.0), 60.0).count == 10


def test_waits_are_told_in_words_and_never_shorter_than_they_are():
    assert [tries.in_words(n) for n in (1, 45, 60, 61, 900)] == [
        "1 second",
        "45 seconds",
        "1 minute",
        "2 minutes",
        "15 minutes",
    ]
    assert tries.longest([0.2, 14.01]) == 15
    assert tries.longest([]) == 0


def test_after_five_wrong_passwords_not_even_the_right_one_is_looked_at(person):
    assert spend(person, 5) == [200, 200, 200, 200, 429]
    answer = attempt(person, PASSWORD)
    assert answer.status_code == 429
    assert 1 <= int(answer["Retry-After"]) <= 15
    assert "Too many tries" in answer.content.decode()
    assert person.username in answer.content.decode()


def test_another_address_is_not_kept_out(person):
    spend(person, 6)
    assert attempt(person, PASSWORD, "192.0.2.2").status_code == 302


def test_the_right_password_makes_tries_free_again(person):
    spend(person, 4)
    assert attempt(person, PASSWORD).status_code == 302
    assert spend(person, 4) == [200] * 4


def test_one_address_may_not_go_through_many_names(person):
    others = [User(username=f"nobody-{n}") for n in range(30)]
    answers = [attempt(one, "wrong").status_code for one in others]
    assert answers[: sign_in.FREE_ADDRESS - 1] == [200] * (sign_in.FREE_ADDRESS - 1)
    assert set(answers[sign_in.FREE_ADDRESS :]) == {429}
    assert attempt(person, PASSWORD).status_code == 429
    assert attempt(person, PASSWORD, "192.0.2.2").status_code == 302


def test_many_addresses_may_not_go_on_with_one_name_but_a_browser_that_is_known_gets_in(person):
    known = browser()
    assert attempt(person, PASSWORD, client=known).status_code == 302
    known.cookies.pop("sessionid")
    spend(person, sign_in.FREE_NAME, [f"198.51.100.{n}" for n in range(sign_in.FREE_NAME)])
    assert attempt(person, PASSWORD, "203.0.113.9").status_code == 429
    assert attempt(person, PASSWORD, "203.0.113.9", known).status_code == 302


def test_the_cookie_of_one_person_opens_nothing_for_another(person):
    known = browser()
    attempt(User.objects.create_user(f"{person.username}-b", password=PASSWORD), PASSWORD, client=known)
    known.cookies.pop("sessionid")
    spend(person, sign_in.FREE_NAME, [f"198.51.100.{n}" for n in range(sign_in.FREE_NAME)])
    assert attempt(person, PASSWORD, "203.0.113.9", known).status_code == 429


def test_a_form_without_a_password_is_no_try(person):
    for _ in range(10):
        browser().post("/sign-in/", {"username": person.username}, REMOTE_ADDR="192.0.2.1")
    assert attempt(person, PASSWORD).status_code == 302


def test_only_two_passwords_are_hashed_at_a_time(person, monkeypatch):
    monkeypatch.setattr(sign_in, "HASHED_WITHIN_S", 0.05)
    with sign_in._hashing, sign_in._hashing:
        assert attempt(person, PASSWORD).status_code == 429
    assert attempt(person, PASSWORD).status_code == 302


def test_of_tries_that_come_at_once_no_more_are_looked_at_than_are_hashed_at_a_time(person, monkeypatch):
    """One try is free; who waits for a place must ask for patience again, since those before may have failed meanwhile."""
    spend(person, sign_in.FREE_PAIR - 1)
    begun, looked_at = threading.Barrier(8), []

    def look(request, **credentials):
        looked_at.append(credentials)
        time.sleep(0.1)

    monkeypatch.setattr(forms, "authenticate", look)

    def one(_):
        begun.wait(10)
        return attempt(person, "wrong").status_code

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(one, range(8)))
    assert 1 <= len(looked_at) <= 2
    assert set(answers) == {429}


def test_a_good_account_between_tries_does_not_free_its_address(person):
    """Who has one account of their own may not try others' passwords with it in between."""
    others = itertools.cycle([User(username=f"nobody-{n}") for n in range(10)])
    answers = []
    for _ in range(sign_in.FREE_ADDRESS + 5):
        answers.append(attempt(next(others), "wrong").status_code)
        attempt(person, PASSWORD)
    assert answers[: sign_in.FREE_ADDRESS - 1] == [200] * (sign_in.FREE_ADDRESS - 1)
    assert set(answers[sign_in.FREE_ADDRESS - 1 :]) == {429}


def test_the_memory_of_failures_has_an_end(person, monkeypatch):
    monkeypatch.setattr(sign_in, "MOST_KEPT", 10)
    spend(person, 20, [f"198.51.100.{n}" for n in range(20)])
    assert len(sign_in._failures) <= 10
