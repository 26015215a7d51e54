"""A real Chromium, signed in as a member; browser tests are skipped loudly where there is none."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.harness import people

DRAWN = "() => !document.querySelector('.skeleton') && [...document.querySelectorAll('[data-figure]')].every((box) => box.dataset.drawn)"


class Watched:
    """A page with what went wrong on it: console errors, policy violations, dialogs, foreign requests."""

    def __init__(self, page: Page, home: str) -> None:
        self.page = page
        self.problems: list[str] = []
        page.on("console", lambda message: self._note(message.text, message.type in {"error", "warning"}))
        page.on("pageerror", lambda error: self._note(str(error), True))
        page.on("request", lambda r: self._note(f"foreign {r.url}", not r.url.startswith((home, "data:"))))
        page.on("dialog", lambda dialog: (self._note(f"dialog {dialog.message}", True), dialog.dismiss()))

    def _note(self, text: str, is_problem: bool) -> None:
        if is_problem:
            self.problems.append(f"{self.page.url}: {text}")

    def see(self, address: str) -> Page:
        """Open a page and wait until what comes after it is there and every chart is drawn."""
        answer = self.page.goto(address)
        assert answer is not None
        assert answer.status == 200, f"{address}: {answer.status}"
        self.page.wait_for_function(DRAWN)
        return self.page


@pytest.fixture
def sign_in(browser: Browser, web: str) -> Iterator[Callable[..., Watched]]:
    """Open a page signed in as a person, through the sign-in page itself when asked to."""
    contexts = []

    def enter(user: Any, *, path: str = "/", is_typed: bool = False, **options: Any) -> Watched:
        options.setdefault("viewport", {"width": 1440, "height": 900})
        context = browser.new_context(base_url=web, **options)
        contexts.append(context)
        watched = Watched(context.new_page(), web)
        if is_typed:
            watched.page.goto(f"/sign-in/?next={path}")
            watched.page.fill("input[name=username]", user.username)
            watched.page.fill("input[name=password]", people.PASSWORD)
            watched.page.click("main button[type=submit]")
        else:
            context.add_cookies([{"name": n, "value": v, "url": web} for n, v in people.session_of(user).items()])
            watched.page.goto(path)
        watched.page.wait_for_load_state("load")
        return watched

    yield enter
    for context in contexts:
        context.close()
