"""Thumbs from a real browser: a page of the project's own origin posts one, a page of another is kept out."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.ingest.record import rows

pytestmark = pytest.mark.browser
POST = """
async ([address, key, ids]) => {
  try {
    const answer = await fetch(address + "/api/v1/feedback", {
      method: "POST",
      headers: {"Authorization": "Bearer " + key, "Content-Type": "application/json"},
      body: JSON.stringify(ids.map((id) => ({id: id, kind: "thumb", value: "up", interaction_id: "i-1"}))),
    });
    return {status: answer.status, told: await answer.json(), wait: answer.headers.get("retry-after")};
  } catch (error) {
    return {blocked: error.name};
  }
}
"""


class Site(BaseHTTPRequestHandler):
    """An empty page of somebody's app."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>app</title>")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def origins() -> Iterator[tuple[str, str]]:
    """Two sites, each an origin of its own."""
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), Site) for _ in range(2)]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    yield tuple(f"http://127.0.0.1:{server.server_port}" for server in servers)
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_page_of_the_project_posts_a_thumb_and_a_page_of_anybody_else_does_not(
    browser, web, origins, make_project, make_key
):
    ours, theirs = origins
    project = make_project(cors_origins=ours)
    key = make_key(project, "feedback")
    seen = {}
    for origin, thumb in ((ours, "f-1"), (theirs, "f-2")):
        context = browser.new_context()
        page = context.new_page()
        page.goto(origin)
        seen[origin] = page.evaluate(POST, [web, key, [thumb]])
        context.close()
    assert seen[ours] == {
        "status": 200,
        "told": {"accepted": 1, "invalid": 0, "results": [{"index": 0, "status": "accepted"}]},
        "wait": None,
    }
    assert seen[theirs] == {"blocked": "TypeError"}
    assert [row["id"] for row in rows(project, "feedback", "id")] == ["f-1"]


def test_a_page_can_read_when_to_come_back(browser, web, origins, make_project, make_key):
    project = make_project(cors_origins=origins[0])
    key = make_key(project, "feedback")
    context = browser.new_context()
    page = context.new_page()
    page.goto(origins[0])
    first = page.evaluate(POST, [web, key, [f"f-{number}" for number in range(70)]])
    second = page.evaluate(POST, [web, key, ["f-70"]])
    context.close()
    assert (first["status"], second["status"]) == (200, 429)
    assert int(second["wait"]) >= 1
