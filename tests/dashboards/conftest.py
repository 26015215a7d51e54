"""One filled project for all tests of pages that only look."""

import pytest

from tests.dashboards import site as sites


@pytest.fixture(scope="session")
def site(web: str) -> sites.Site:
    """A project with six weeks of calls, one finding and one incident."""
    return sites.shared(web)
