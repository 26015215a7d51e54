"""A real Chromium, signed in as a member; browser tests are skipped loudly where there is none."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize

from tests.harness import people

DESK: ViewportSize = {"width": 1440, "height": 900}
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


@pytest.fixture(scope="session")
def context(browser: Browser, web: str) -> Iterator[BrowserContext]:
    """What all tests' windows share: a cache, so that scripts are read once, and the cookies of whoever came last."""
    context = browser.new_context(base_url=web)
    yield context
    context.close()


@pytest.fixture
def sign_in(context: BrowserContext, web: str) -> Iterator[Callable[..., Watched]]:
    """Open a window in which a person is signed in; through the sign-in page itself when it is to lead to a path."""
    pages = []

    def enter(user: Any, *, path: str = "", viewport: ViewportSize = DESK, color_scheme: Any = "light") -> Watched:
        context.clear_cookies()
        page = context.new_page()
        pages.append(page)
        page.set_viewport_size(viewport)
        page.emulate_media(color_scheme=color_scheme)
        watched = Watched(page, web)
        if path:
            page.goto(f"/sign-in/?next={path}")
            page.fill("input[name=username]", user.username)
            page.fill("input[name=password]", people.PASSWORD)
            page.click("main button[type=submit]")
            page.wait_for_load_state("load")
        else:
            context.add_cookies([{"name": n, "value": v, "url": web} for n, v in people.session_of(user).items()])
        return watched

    yield enter
    for page in pages:
        page.close()
