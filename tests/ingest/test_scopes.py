"""S2: which scope opens which address, in whatever form the key is sent; no scope includes another."""

import base64

import httpx2
import pytest

from ingest import timeline
from ingest.projects.keys import SCOPES
from ingest.projects.provision import issue_key, revoke_key
from tests.harness.doors import all_doors

METHODS = ("GET", "POST", "PATCH", "DELETE")
INGEST, READ, ADMIN = {"ingest"}, {"read"}, {"admin"}
OPENED_BY = {
    "api-interactions": {"GET": READ, "POST": INGEST},
    "api-interaction": {"GET": READ, "PATCH": INGEST},
    "api-feedback": {"POST": {"ingest", "feedback"}},
    "api-costs": {"POST": INGEST},
    "api-changes": {"POST": INGEST},
    "api-users": {"POST": INGEST},
    "api-user": {"GET": ADMIN, "DELETE": ADMIN},
    "api-figures": {"POST": INGEST},
    "api-batch": {"POST": INGEST},
    "api-metrics": {"GET": READ},
    "api-metric": {"GET": READ},
    "api-baselines": {"GET": READ, "POST": ADMIN},
    "api-baseline": {"GET": READ, "DELETE": ADMIN},
    "api-baseline-comparison": {"GET": READ},
    "api-distribution": {"GET": READ},
    "api-forecast-cost": {"GET": READ},
    "api-people-cohorts": {"GET": READ},
    "api-people-costs": {"GET": READ},
    "api-people-tickets": {"GET": READ},
    "api-prometheus": {"GET": READ},
    "api-provider-limits": {"GET": READ},
    "api-tickets-categories": {"GET": READ},
    "api-unit-economics": {"GET": READ},
    **{
        f"api-export-{kind}.{form}": {"GET": READ}
        for kind in ("metrics", "interactions", "feedback", "costs")
        for form in ("csv", "jsonl")
    },
    "api-incidents": {"GET": READ},
    "api-incident": {"GET": READ},
    "api-findings": {"GET": READ},
    "api-finding": {"GET": READ},
}
VALUES = {"id": ["nobody"], "name": ["calls"], "number": [1]}


def forms(key):
    _, _, public, secret, _ = key.split("_")
    basic = base64.b64encode(f"{public}:{secret}".encode()).decode()
    return [{"authorization": f"Bearer {key}"}, {"x-api-key": key}, {"authorization": f"Basic {basic}"}]


def api_doors():
    return [door for door in all_doors() if door.route.startswith("api/v1/")]


def asked(door):
    """Every (method, address) of a door that knows the method."""
    ((path, _),) = door.addresses(VALUES)
    return [(method, path) for method in METHODS if hasattr(door.view.cls, method.lower())]


def test_the_table_names_every_address_and_method():
    doors = {door.name: {method for method, _ in asked(door)} for door in api_doors()}
    assert doors == {name: set(methods) for name, methods in OPENED_BY.items()}


@pytest.mark.parametrize("scope", SCOPES)
def test_a_scope_opens_what_the_table_says_and_nothing_else(web, make_project, scope):
    project = make_project(cors_origins="https://app.example")
    key = issue_key(project.id, [scope], now=timeline.now())
    with httpx2.Client(base_url=web, timeout=20, headers={"origin": "https://app.example"}) as client:
        for headers in forms(key):
            for door in api_doors():
                for method, path in asked(door):
                    answer = client.request(method, path, headers=headers, content=b"[]" if method == "POST" else None)
                    is_open = scope in OPENED_BY[door.name][method]
                    assert (answer.status_code != 403) is is_open, (method, path, answer.text)
                    assert answer.status_code not in {401, 500}
                    if not is_open:
                        assert f"it has {scope}." in answer.json()["detail"]


def test_without_a_living_key_no_address_opens_in_any_form(web, project):
    revoked = issue_key(project.id, ["ingest", "read", "admin"], now=timeline.now())
    revoke_key(project.id, revoked.split("_")[2], now=timeline.now())
    with httpx2.Client(base_url=web, timeout=20) as client:
        for headers in [{}, *forms(revoked), *forms("obs_live_aaaaaaaa_" + "b" * 32 + "_cccccc")]:
            for door in api_doors():
                for method, path in asked(door):
                    answer = client.request(method, path, headers=headers, content=b"[]" if method == "POST" else None)
                    assert answer.status_code == 401, (method, path)
                    assert answer.headers["www-authenticate"].startswith("Bearer")
