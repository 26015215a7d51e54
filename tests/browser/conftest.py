"""A real Chromium, signed in as a member; browser tests are skipped loudly where there is none."""

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


def chromium_path() -> str | None:
    """Where the system's Chromium is."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One headless Chromium for the session."""
    path = chromium_path()
    if path is None:
        pytest.skip("NO CHROMIUM: browser tests did not run (install the package chromium)")
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=path, args=list(FLAGS))
        yield chromium
        chromium.close()


class Watched:
    """A page with what went wrong on it: console errors, policy violations, foreign requests."""

    def __init__(self, page: Page, home: str) -> None:
        self.page = page
        self.problems: list[str] = []
        page.on("console", lambda message: self.problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("request", lambda r: None if r.url.startswith((home, "data:")) else self.problems.append(f"foreign {r.url}"))


@pytest.fixture
def sign_in(browser: Browser, web: str) -> Iterator[Callable[..., Watched]]:
    """Open a page signed in as a person with the password of the `member` fixture."""
    contexts = []

    def enter(user: Any, *, path: str = "/", **options: Any) -> Watched:
        context = browser.new_context(base_url=web, viewport=options.pop("viewport", {"width": 1440, "height": 900}), **options)
        contexts.append(context)
        watched = Watched(context.new_page(), web)
        watched.page.goto(f"/sign-in/?next={path}")
        watched.page.fill("input[name=username]", user.username)
        watched.page.fill("input[name=password]", "correct horse")
        watched.page.click("button[type=submit]")
        watched.page.wait_for_load_state("load")
        return watched

    yield enter
    for context in contexts:
        context.close()
