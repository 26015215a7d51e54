"""How long each page takes on the server: over a kept connection on this machine, so the way adds next to nothing."""

import http.client
import re
import statistics
import time
from dataclasses import dataclass
from urllib.parse import urlencode

DASHBOARDS = ("", "health/", "quality/", "cost/", "engagement/", "drift/", "incidents/", "interactions/", "status/")
TIMES = 11


@dataclass(frozen=True)
class PageTime:
    """One page's times; the first visit is told apart."""

    path: str
    first_ms: float
    median_ms: float
    slowest_ms: float
    kilobytes: float


class Browser:
    """A signed-in visitor on one connection."""

    def __init__(self, port: int, user: str, password: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._cookies: dict[str, str] = {}
        self.get("/sign-in/")
        form = urlencode({"username": user, "password": password, "csrfmiddlewaretoken": self._cookies["csrftoken"]})
        status, _ = self._ask("POST", "/sign-in/", form)
        if status != 302:
            raise RuntimeError(f"signing in answered {status}")

    def get(self, path: str) -> tuple[int, str]:
        """One page."""
        return self._ask("GET", path, None)

    def time(self, path: str) -> PageTime:
        """Open a page again and again. Raises RuntimeError for anything but 200."""
        taken, size = [], 0
        for _ in range(TIMES):
            began = time.perf_counter()
            status, text = self.get(path)
            taken.append(1000 * (time.perf_counter() - began))
            size = len(text.encode())
            if status != 200:
                raise RuntimeError(f"{path} answered {status}")
        first, rest = taken[0], taken[1:]
        return PageTime(path, first, statistics.median(rest), max(rest), size / 1024)

    def _ask(self, method: str, path: str, form: str | None) -> tuple[int, str]:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        if form is not None:
            headers |= {"Content-Type": "application/x-www-form-urlencoded"}
        self._connection.request(method, path, form, headers)
        answer = self._connection.getresponse()
        text = answer.read().decode()
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                cookie, _, content = value.split(";")[0].partition("=")
                self._cookies[cookie] = content
        return answer.status, text


def measure(browser: Browser, slug: str) -> list[PageTime]:
    """Time every dashboard of a project, one finding and one incident."""
    return [browser.time(path) for path in [f"/{slug}/{page}" for page in DASHBOARDS] + _details(browser, slug)]


def _details(browser: Browser, slug: str) -> list[str]:
    found = []
    for page in ("drift", "incidents"):
        match = re.search(rf'href="(/{slug}/{page}/\d+/)', browser.get(f"/{slug}/{page}/")[1])
        found += [match.group(1)] if match else []
    return found
