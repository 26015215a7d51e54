"""GET /interactions?q=: words in texts, page by page, in one project; and ?mark=."""

from datetime import timedelta

import httpx2
import psycopg
import pytest
from django.db import connection

from ingest import records, timeline
from ingest.digest import reader, search, texts
from ingest.dimensions import Flag
from ingest.projects.scope import project_scope
from tests.ingest.record import rows, take


@pytest.fixture
def get(web, key):
    def read(**query):
        headers = {"authorization": f"Bearer {key}"}
        return httpx2.get(f"{web}/api/v1/interactions", params=query, headers=headers, timeout=20)

    return read


def send(project, *items):
    answer = take(project, records.INTERACTIONS, [{"feature": "chat", **item} for item in items])
    assert answer.invalid == answer.conflicts == 0
    reader.read(timeline.now(), only=[project.id], everything=True)


def ids(answer):
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


def test_words_are_found_in_prompts_outputs_and_errors_however_they_are_written(project, get):
    send(
        project,
        {"id": "prompt", "prompt": "Where is the Refund-Policy?"},
        {"id": "output", "output": "Our refund policy is simple: ask."},
        {"id": "error", "error_message": "no refund, policy violated", "status": "error"},
        {"id": "messages", "prompt": [{"role": "user", "content": 'the\n"refund"\npolicy, role'}]},
        {"id": "other", "output": "content of the policy", "metadata": {"note": "refund"}},
        {"id": "accents", "output": "Crème brûlée à 東京都 für Straße"},
    )
    assert set(ids(get(q="refund policy"))) == {"prompt", "output", "error", "messages"}
    assert set(ids(get(q='"refund policy"'))) == {"prompt", "output", "error", "messages"}
    assert ids(get(q='"policy is simple"')) == ["output"]
    assert set(ids(get(q="policy -refund"))) == {"other"}
    assert set(ids(get(q="simple or violated"))) == {"output", "error"}
    for sought in ("CREME", "brulee", "京都", '"東京"', "STRASSE", "fur"):
        assert ids(get(q=sought)) == ["accents"], sought
    for sought in ("user", "assistant", "nothing", "京東", "#1", "note"):
        assert ids(get(q=sought)) == [], sought


def test_pages_of_a_search_give_everything_once_newest_first_over_weeks(project, get):
    now = timeline.now()
    send(
        project,
        *(
            {
                "id": f"{n:02}", "feature": f"f{n % 2}", "output": "needle" if n % 3 else "hay",
                "occurred_at": (now - timedelta(days=3 * (n // 3))).isoformat(),
            }
            for n in range(30)
        ),
    )  # fmt: skip
    seen, cursor = [], ""
    while cursor is not None:
        page = get(q="needle", limit=3, **({"cursor": cursor} if cursor else {})).json()
        seen += [(item["occurred_at"], item["id"]) for item in page["items"]]
        cursor = page["next"]
    assert len(seen) == len(set(seen)) == 20
    assert seen == sorted(seen, reverse=True)
    assert ids(get(q="needle", feature="f1", limit=200)) == [id for _, id in seen if int(id) % 2]


@pytest.mark.parametrize("more", [{}, {"q": "needle"}, {"mark": "any"}])
def test_a_feature_that_the_project_does_not_know_is_refused_with_those_there_are(project, get, make_project, more):
    send(project, {"feature": "draft"}, {"feature": "chat"})
    send(make_project(), {"feature": "secret"})
    for name in ("nobody", "secret", "(none)"):
        answer = get(feature=name, **more)
        assert (answer.status_code, answer.json()["title"]) == (404, "Unknown value")
        assert (answer.json()["parameter"], answer.json()["allowed"]) == ("feature", ["chat", "draft"])
    assert get(feature="chat", **more).status_code == 200


def test_the_answer_says_how_far_the_search_reaches(project, get):
    send(project, {"id": "read", "output": "needle"})
    answer = get(q="needle").json()
    reach = timeline.parse(answer["complete_to"])
    assert timeline.now() - reach < timedelta(minutes=1)
    at = timeline.now() - timedelta(hours=1)
    take(project, records.INTERACTIONS, {"id": "unread", "feature": "chat", "output": "needle"}, at)
    answer = get(q="needle").json()
    assert timeline.parse(answer["complete_to"]) == at
    assert [item["id"] for item in answer["items"]] == ["read"]
    assert "complete_to" not in get().json()


@pytest.mark.parametrize("q", ["!!!", "-", '""', "or", "\0", "😀", "x" * 501, "%", "'; drop table search; --"])
def test_a_query_without_words_is_explained_and_a_hostile_one_only_finds_nothing(get, q):
    answer = get(q=q)
    if texts.query(q) and len(q) <= 500:
        assert ids(answer) == []
    else:
        assert answer.status_code == 400
        assert answer.headers["content-type"] == "application/problem+json"
        assert "words" in answer.json()["detail"]


def test_an_empty_query_is_none(project, get):
    send(project, {"id": "a"})
    assert ids(get(q="")) == ["a"]


@pytest.mark.parametrize(
    "q",
    ["(((((", "a & b | !c", "a:* b:A", "\\", "' or 1=1", '"unclosed phrase', "- -- ---a", "ﷺ", "a\u202eb", "\ud7ff", "or or a or"],
)  # fmt: skip
def test_whatever_is_sought_the_answer_is_a_list(get, q):
    assert get(q=q).status_code in {200, 400}


def test_marked_interactions_are_listed_by_their_mark(project, get):
    send(
        project,
        {"id": "usual", "output": "fine"},
        {"id": "empty", "output": ""},
        {"id": "refusal", "output": "I'm sorry, but I can't discuss a refund."},
    )
    assert ids(get(mark="empty")) == ["empty"]
    assert set(ids(get(mark="any"))) == {"empty", "refusal"}
    assert ids(get(mark="refusal", q="refund")) == ["refusal"]
    assert ids(get(mark="repeat")) == []
    assert "refusal" in get(mark="refusal").json()["items"][0]["flags"]
    assert get(mark="nonsense").status_code == 400


def test_another_project_finds_nothing_of_this_one(web, project, get, make_project, make_key):
    other = make_project()
    send(project, {"id": "mine", "output": "needle canary"})
    send(other, {"id": "theirs", "output": "needle", "feature": "secret"})
    headers = {"authorization": f"Bearer {make_key(other)}"}

    def theirs(**query):
        return httpx2.get(f"{web}/api/v1/interactions", params=query, headers=headers, timeout=20)

    assert ids(get(q="needle")) == ["mine"]
    assert ids(theirs(q="needle")) == ["theirs"]
    assert ids(theirs(q="canary")) == []
    assert ids(theirs(q=f'needle or "#{project.id}"')) == ["theirs"]
    assert get(q="-nothing", feature="secret").status_code == 404


def test_only_who_may_read_may_search(web, project, make_key):
    headers = {"authorization": f"Bearer {make_key(project, 'ingest,feedback')}"}
    assert httpx2.get(f"{web}/api/v1/interactions", params={"q": "a"}, headers=headers).status_code == 403


ARGUMENTS = "%s, '-infinity', 'infinity', 100, NULL, NULL, false, NULL, NULL, NULL, NULL, NULL, NULL"


@pytest.fixture
def app(installation):
    with psycopg.connect(installation.server.urls.app) as connected:
        yield connected


def found_by(app, sought):
    return {id for _, id in app.execute(f"SELECT * FROM search_interactions({ARGUMENTS})", [sought])}


def test_the_function_of_the_search_knows_no_project_but_that_of_the_setting(app, project, make_project):
    other = make_project()
    send(project, {"id": "mine", "output": "needle"})
    send(other, {"id": "theirs", "output": "needle"})
    assert found_by(app, "needle") == set()
    app.execute("SELECT set_config('observatory.project', %s, true)", [str(project.id)])
    assert found_by(app, "needle") == {"mine"}
    assert found_by(app, f"needle or '#{other.id}'") == {"mine"}
    assert found_by(app, "-nothing") == {"mine"}
    app.rollback()
    assert found_by(app, "needle") == set()


def test_a_row_that_names_another_project_in_its_words_is_still_not_that_projects(app, project, make_project):
    """The word of a project leads the index to its rows; whose they are is told by the column alone."""
    other = make_project()
    send(project, {"id": "mine", "output": "needle"})
    send(other, {"id": "theirs", "output": "needle"})
    with project_scope(other.id), connection.cursor() as cursor:
        forged = "UPDATE search SET words = words || %s::tsvector WHERE project_id = %s"
        cursor.execute(forged, [f"'#{project.id}'", other.id])
        assert cursor.rowcount == 1
    app.execute("SELECT set_config('observatory.project', %s, true)", [str(project.id)])
    assert found_by(app, "needle") == {"mine"}


def test_whether_a_name_is_known_is_asked_of_one_project_only(app, project, make_project):
    send(project, {"id": "a", "user_id": "u", "session_id": "s", "trace_id": "t"}, {"id": "b", "session_id": "alone"})
    send(make_project(), {"id": "c", "user_id": "theirs", "trace_id": "theirs-too"})

    def known(at="-infinity"):
        asked = ("u", "s", "t", "alone", "theirs", "theirs-too", "nobody")
        query = "SELECT is_name(%s, %s, 'infinity')"
        return [name for name in asked if app.execute(query, [name, at]).fetchone()[0]]

    assert known() == []
    app.execute("SELECT set_config('observatory.project', %s, true)", [str(project.id)])
    assert known() == ["u", "s", "t", "alone"]
    assert known(timeline.now() + timeline.DAY) == []


def test_the_web_cannot_read_the_search_table_itself(app, project):
    app.execute("SELECT set_config('observatory.project', %s, true)", [str(project.id)])
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        app.execute("SELECT count(*) FROM search")


def sought(project, words, **filters):
    with project_scope(project.id):
        return [id for _, id in search.find(search.Sought(words, timeline.now() + timeline.DAY, **filters), 100)]


def test_filters_hold_beside_words(project):
    send(
        project,
        {"id": "a", "output": "needle", "model": "gpt-4o", "status": "error"},
        {"id": "b", "output": "needle", "input_tokens": 1, "model": "no-such"},
        {"id": "c", "output": ""},
        {"id": "d", "prompt": "needle", "output": ""},
    )
    for id, value in (("a", "up"), ("b", "down")):
        take(project, records.FEEDBACK, {"kind": "thumb", "value": value, "interaction_id": id})
    known = {row["id"]: row for row in rows(project, "interaction")}
    assert set(sought(project, "needle")) == {"a", "b", "d"}
    assert sought(project, "needle", has_failed=True) == ["a"]
    assert sought(project, "needle", model=known["b"]["model_id"]) == ["b"]
    assert sought(project, "needle", price_source=known["b"]["cost_source"]) == ["b"]
    assert sought(project, "needle", marks=int(Flag.OUTPUT_EMPTY)) == ["d"]
    assert sought(project, "needle", thumb="up") == ["a"]
    assert sought(project, "needle", thumb="down") == ["b"]
    assert sought(project, "needle", thumb="none") == ["d"]
    assert sought(project, "needle", since=timeline.now()) == []


def test_newer_pages_begin_beside_the_edge(project):
    now = timeline.now()
    send(
        project,
        *(
            {"id": f"{n}", "output": "needle", "occurred_at": (now - timedelta(days=4 * n)).isoformat()}
            for n in range(8)
        ),
    )
    everything = search.Sought("needle", now + timeline.DAY)
    with project_scope(project.id):
        edge = search.find(everything, 100)[5]
        assert [id for _, id in search.find(everything, 2, edge, is_newer=True)] == ["4", "3"]
        assert [id for _, id in search.find(everything, 100, edge)] == ["6", "7"]


def test_a_search_limits_nothing_but_itself(project):
    with project_scope(project.id), connection.cursor() as cursor:
        search.find(search.Sought("needle", timeline.now()), 10)
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("1min",)


def test_a_search_that_takes_too_long_is_ended_and_the_connection_goes_on(project, monkeypatch):
    send(project, {"id": "a", "output": "needle"})
    with monkeypatch.context() as patched, project_scope(project.id):
        patched.setattr(
            search, "FIND", f"SELECT now(), pg_sleep(5)::text WHERE row({', '.join(['%s'] * 13)}) IS NOT NULL OR true"
        )
        patched.setattr(search, "PATIENCE_MS", 50)
        with pytest.raises(search.TooSlow):
            search.find(search.Sought("needle", timeline.now()), 10)
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('statement_timeout')")
            assert cursor.fetchone() == ("1min",)
    assert sought(project, "needle") == ["a"]
