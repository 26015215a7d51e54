"""Who may see what: every address × method × person, and the search of each answer for somebody else's canary."""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import httpx2

from tests.harness.doors import Door
from tests.harness.twins import PASSWORD, Twin

READING = ("GET", "HEAD", "OPTIONS")
WRITING = ("POST", "PUT", "PATCH", "DELETE")
NUMBERS_OF = {
    "finding": ("finding",), "api-finding": ("finding",), "incident": ("incident",), "acknowledge": ("incident",), "resolve": ("incident",), "revoke-key": ("key",),
    "test-receiver": ("recipient", "webhook"), "switch-receiver": ("recipient", "webhook"), "switch-rule": ("rule",),
}  # fmt: skip
NAMES_OF = {"settings-one-mail": "mail", "api-baseline": "baseline", "api-baseline-comparison": "baseline"}
KINDS = ("recipient", "webhook")
METRICS = ("calls", "thumbs_up_rate", "cost_total", "latency_p50")
ENDS_THE_SESSION = {"sign-out"}
API_FILTERS: dict[str, set[str]] = {
    "api-interactions": {"q"},
    "api-incidents": set(),
    "api-findings": set(),
    "api-baselines": set(),
    "api-forecast-cost": set(),
    "api-distribution": {"feature", "model"},
    "api-prometheus": set(),
    **{f"api-export-metrics.{form}": {"metrics", "feature", "model", "group_by"} for form in ("csv", "jsonl")},
    **{
        f"api-export-{kind}.{form}": {"feature", "text"}
        for kind in ("interactions", "feedback", "costs")
        for form in ("csv", "jsonl")
    },
    "api-people-costs": {"feature"},
    "api-people-cohorts": {"feature"},
}  # others are refused there
WITHOUT_FILTERS = {"healthz", "readyz", "sign-in", "sign-out"}
PARTS = {"engagement": ("people", "adoption_rate", "stays", "beside")}
"""What comes after its page, at the page's own address."""


@dataclass(frozen=True)
class Viewer:
    """Somebody who asks; `side` is the letter of the only twin whose canaries may be shown to them."""

    name: str
    side: str
    client: httpx2.Client
    is_person: bool


@dataclass(frozen=True)
class Ask:
    """One address with what goes with it.

    `sides` are the twins that the address names, `of` the one that form and items name, `said` the words the asker knows.
    `is_usual` tells one that is asked in the usual ways only (GET, POST), since another one stands for it in the rest.
    """

    door: str
    path: str
    sides: frozenset[str]
    said: tuple[str, ...] = ()
    form: Mapping[str, str] | None = None
    items: Sequence[Mapping[str, Any]] | None = None
    of: str = ""
    is_usual: bool = True


@dataclass(frozen=True)
class Answer:
    """What came back."""

    viewer: Viewer
    method: str
    ask: Ask
    status: int
    text: str

    def __str__(self) -> str:
        return f"{self.viewer.name}: {self.method} {self.ask.path} → {self.status}"


def viewers(address: str, twins: Mapping[str, Twin], stranger: str) -> list[Viewer]:
    """A member and a key of each twin, a stranger who has signed in, and nobody."""
    found = [Viewer("anonymous", "", httpx2.Client(base_url=address, timeout=30), is_person=True)]
    found.append(Viewer("stranger", "", signed_in(address, stranger), is_person=True))
    for letter, twin in twins.items():
        headers = {"Authorization": f"Bearer {twin.key}"}
        found.append(Viewer(f"member of {letter}", letter, signed_in(address, twin.user.username), is_person=True))
        client = httpx2.Client(base_url=address, timeout=30, headers=headers)
        found.append(Viewer(f"key of {letter}", letter, client, is_person=False))
    return found


def signed_in(address: str, username: str, password: str = PASSWORD) -> httpx2.Client:
    """A browser's session of a person, with the token that forms need."""
    client = httpx2.Client(base_url=address, timeout=30)
    client.get("/sign-in/")
    headers = {"X-CSRFToken": client.cookies["csrftoken"], "Referer": address}
    answer = client.post("/sign-in/", data={"username": username, "password": password}, headers=headers)
    assert answer.status_code == 302, answer.text[:500]
    client.headers.update({"X-CSRFToken": client.cookies["csrftoken"], "Referer": address})
    return client


def asks(doors: Iterable[Door], twins: Mapping[str, Twin]) -> Iterator[Ask]:
    """Every door with every twin's slug, ids and names, and where it takes filters or items, with every twin's."""
    for door in doors:
        met: set[frozenset[str]] = set()
        for path, values in door.addresses(_values(door, twins)):
            sides = frozenset(
                letter for letter, twin in twins.items() for value in values if _belongs(value, twin, door)
            )
            others = [letter for letter in twins if letter not in sides]
            of = others[0] if others else next(iter(twins))
            yield Ask(door.name, path, sides, (), _form(twins[of]), _items(twins[of], door), of, sides in met)
            met.add(sides)
            if {name for name, _ in door.parameters} <= {"slug"} and door.name not in WITHOUT_FILTERS:
                yield from (_filtered(door, path, sides, letter, twins[letter]) for letter in others)
                yield from (Ask(door.name, f"{path}?part={part}", sides, of=of) for part in PARTS.get(door.name, ()))


def _filtered(door: Door, path: str, sides: frozenset[str], letter: str, twin: Twin) -> Ask:
    """The same address with every filter naming a twin's things."""
    every = {"id": twin.names["interaction"][0], "metrics": ",".join(METRICS), "text": "1", **_known(twin)}
    query = urlencode({name: value for name, value in every.items() if name in API_FILTERS.get(door.name, every)})
    said = tuple(_known(twin).values())
    return Ask(door.name, f"{path}?{query}", sides | {letter}, said, None, _items(twin, door), letter)


def ask_all(
    who: Iterable[Viewer], wanted: Sequence[Ask], methods: Collection[str], *, threads: int = 6
) -> list[Answer]:
    """Put every question to the product, a few at once."""
    asked = [
        (viewer, method, ask) for viewer in who for ask in wanted for method in methods if is_asked(viewer, method, ask)
    ]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda one: put(*one), asked))


def ask_the_fitting(who: Iterable[Viewer], wanted: Sequence[Ask]) -> list[Answer]:
    """GET and POST, people at pages and keys at the API: with one wall off, the rest would be refused as ever."""
    pages = [ask for ask in wanted if not ask.path.startswith("/api/") and not ask.is_usual]
    api = [ask for ask in wanted if ask.path.startswith("/api/") and not ask.is_usual]
    return [
        answer for viewer in who for answer in ask_all([viewer], pages if viewer.is_person else api, ("GET", "POST"))
    ]


def is_asked(viewer: Viewer, method: str, ask: Ask) -> bool:
    """Whether a question belongs to the matrix: not what a viewer may change of their own, nor the same thing twice."""
    if ask.door in ENDS_THE_SESSION and viewer.is_person and viewer.name != "anonymous":
        return False
    is_own = bool(viewer.side) and ask.sides <= {viewer.side}
    if method == "GET":
        return bool(viewer.side) or not ask.said
    if method == "POST":
        return not (viewer.side and ask.sides | {ask.of} <= {viewer.side}) and (not ask.said or ask.items is not None)
    return not is_own and not ask.is_usual


def put(viewer: Viewer, method: str, ask: Ask) -> Answer:
    """Ask one question."""
    options: dict[str, Any] = {}
    if method in WRITING:
        is_api = ask.path.startswith("/api/")
        options = {"json": ask.items or []} if is_api else {"data": ask.form or {}}
    try:
        answer = viewer.client.request(method, ask.path, **options)
    except httpx2.RemoteProtocolError:  # a kept connection that the server had just closed
        answer = viewer.client.request(method, ask.path, **options)
    headers = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
    return Answer(viewer, method, ask, answer.status_code, f"{headers}\n\n{answer.text}")


def leaks(answers: Iterable[Answer], twins: Mapping[str, Twin]) -> list[str]:
    """Each answer in which somebody saw the canary of a twin that is not theirs, beyond words they said themselves."""
    found = []
    for answer in answers:
        text = answer.text
        for word in sorted(answer.ask.said, key=len, reverse=True):
            for form in {word, quote(word), quote(word, safe="")}:
                text = re.sub(rf"{re.escape(form)}(?![\w-])", "", text)
        for letter, twin in twins.items():
            if letter != answer.viewer.side and twin.canary in text:
                at = text.index(twin.canary)
                found.append(f"{answer}: …{text[max(at - 60, 0) : at + 60]}…")
    return found


def _values(door: Door, twins: Mapping[str, Twin]) -> dict[str, list[object]]:
    """What each parameter of a door is tried with; an unknown number is tried with every number there is."""
    numbers = NUMBERS_OF.get(door.name, tuple(next(iter(twins.values())).numbers))
    values: dict[str, list[object]] = {}
    for name, converter in door.parameters:
        if name == "slug":
            values[name] = [twin.project.slug for twin in twins.values()]
        elif name == "kind":
            values[name] = list(KINDS)
        elif converter == "int":
            found = {number for twin in twins.values() for kind in numbers for number in twin.numbers[kind]}
            values[name] = [*sorted(found)]
        elif door.route.startswith("api/") and name in {"name", "metric"} and door.name not in NAMES_OF:
            values[name] = list(METRICS)
        else:
            kind = NAMES_OF.get(door.name)
            known = [names for twin in twins.values() for word, names in twin.names.items() if kind in {None, word}]
            values[name] = [one for names in known for one in names]
    return values


def _belongs(value: object, twin: Twin, door: Door) -> bool:
    if isinstance(value, int):
        return any(value in twin.numbers[kind] for kind in NUMBERS_OF.get(door.name, tuple(twin.numbers)))
    return value == twin.project.slug or any(value in names for names in twin.names.values())


def _known(twin: Twin) -> dict[str, str]:
    """Names that an attacker may have heard of."""
    return {
        "feature": twin.word("feature"), "model": twin.word("served_model"), "q": twin.word("prompt"), "user_id": twin.word("user_id-1"),
        "session_id": twin.word("session_id"), "trace_id": twin.word("trace_id"), "group_by": "feature",
    }  # fmt: skip


def _form(twin: Twin) -> dict[str, str]:
    """Every field that some form of the product reads, with the twin's numbers."""
    rule, feature = twin.numbers["rule"][0], twin.numbers["feature"][0]
    return {
        "rule": str(rule), f"{rule}-warning": "0.1", f"{rule}-critical": "0.05", f"{rule}-minimum_sample": "1",
        "feature": str(feature), f"{feature}-type": "inline", f"{feature}-stakes": "low", f"{feature}-maturity_hours": "1",
        "key": str(twin.numbers["key"][0]), "id": str(twin.numbers["incident"][0]), "number": str(twin.numbers["incident"][0]),
        "kind": "recipient", "recipient": str(twin.numbers["recipient"][0]), "webhook": str(twin.numbers["webhook"][0]),
    }  # fmt: skip


def _items(twin: Twin, door: Door) -> list[dict[str, Any]] | None:
    """Items that name the twin's things, for the API doors that take items."""
    call = twin.names["interaction"][0]
    of_path = {
        "interactions": [{"id": call, "feature": "other"}],
        "interactions/<path:id>": [{"error_message": "taken over", "metadata": {"taken": "over"}}],
        "feedback": [{"kind": "thumb", "value": "down", "interaction_id": call}],
        "costs": [{"component": "model_tokens", "amount_usd": "9", "interaction_id": call}],
        "changes": [{"kind": "deploy", "title": "x", "id": twin.alias("change")}],
        "users": [{"user_id": twin.alias("user"), "event": "seen", "id": twin.alias("user-event")}],
        "figures": [{"month": "2026-01", "name": "active_users", "value": 1, "id": twin.alias("figure")}],
        "batch": [{"type": "interaction", "id": call, "feature": "other"},
                  {"type": "feedback", "kind": "thumb", "value": "down", "interaction_id": call}],
    }  # fmt: skip
    return next((items for path, items in of_path.items() if door.route.endswith(path)), None)


def as_json(text: str) -> Any:
    """The body of an answer that is JSON."""
    return json.loads(text.split("\n\n", 1)[1])
