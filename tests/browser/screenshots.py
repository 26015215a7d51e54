"""The pictures of the documentation: `make screenshots` fills a throw-away product with the demo and photographs it.

docs/images gets what the README shows; every page, in both themes and at phone width, goes to the folder given by
`--all FOLDER`.
"""

import argparse
import os
import secrets
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.harness.chromium import FLAGS, chromium_path
from tests.harness.installation import ROOT, Installation

SIZES = {"light": (1440, 900, "light"), "dark": (1440, 900, "dark"), "phone": (390, 844, "light")}
PAGES = (
    "", "health/", "quality/", "cost/", "engagement/", "drift/", "incidents/", "interactions/", "status/", "settings/",
    "settings/keys/", "settings/features/", "settings/data/", "settings/receivers/", "settings/rules/", "settings/mail/",
)  # fmt: skip


def person(installation: Installation) -> tuple[str, str]:
    """Make a member of every project; gives name and password."""
    os.environ.update(installation.environment)
    os.environ["OBSERVATORY_ROLE"] = "jobs"
    import django

    django.setup()
    from django.contrib.auth.models import User

    from ingest.projects.models import Membership, Project

    password = secrets.token_urlsafe(12)
    user = User.objects.create_user("maya", password=password)
    for project in Project.objects.all():
        Membership.objects.get_or_create(project=project, user=user)
    return "maya", password


def found(page: Page, selector: str) -> str:
    """The address of the first link that a selector finds, or an empty text."""
    link = page.query_selector(selector)
    return (link.get_attribute("href") or "") if link else ""


def details(page: Page) -> list[tuple[str, str]]:
    """The pages of one finding, one incident and one interaction of the demo: (name, address)."""
    wanted = []
    for name, listing, selector in (
        ("finding", "/demo/drift/", "#findings a"),
        ("incident", "/demo/incidents/", "#table-open a"),
        ("interaction", "/demo/interactions/?thumb=down&range=28d", "#table-interactions a"),
    ):
        page.goto(listing)
        address = found(page, selector)
        if address:
            wanted.append((name, address))
    return wanted


def shoot(installation: Installation, folder: Path | None) -> None:
    """Photograph every page."""
    name, password = person(installation)
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=chromium_path(), args=list(FLAGS))
        for size, (width, height, scheme) in SIZES.items():
            context = chromium.new_context(
                base_url=installation.address, viewport={"width": width, "height": height}, color_scheme=scheme
            )
            page = context.new_page()
            page.goto("/sign-in/")
            page.fill("input[name=username]", name)
            page.fill("input[name=password]", password)
            page.click("button[type=submit]")
            page.wait_for_load_state("networkidle")
            views = [(path.replace("/", "-").strip("-") or "overview", f"/demo/{path}") for path in PAGES]
            for title, address in [*views, *details(page)]:
                page.goto(address)
                page.wait_for_timeout(700)
                if folder:
                    page.screenshot(path=folder / f"{title}-{size}.png", full_page=True)
                if size == "light" and title in {"overview", "quality", "finding"}:
                    page.screenshot(path=ROOT / "docs/images" / f"{title}.png", full_page=title != "finding")
            context.close()
        chromium.close()


def main() -> None:
    """Make the product, fill it, photograph it, take it away."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", type=Path, default=None)
    options = parser.parse_args()
    if options.all:
        options.all.mkdir(parents=True, exist_ok=True)
    installation = Installation()
    try:
        installation.web()
        done = installation.command("demo", timeout=300)
        print(done.stdout[-2000:], done.stderr[-2000:])
        shoot(installation, options.all)
    finally:
        installation.close()


if __name__ == "__main__":
    main()
