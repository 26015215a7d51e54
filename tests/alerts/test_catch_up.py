"""From posted calls to a mail, by the real metrics, in one command."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from tests.alerts.conftest import START

MINUTE = timedelta(minutes=1)


@pytest.fixture
def scope(project):
    from ingest.projects.scope import project_scope

    return lambda: project_scope(project.id)


@pytest.fixture
def catch_up(project):
    return lambda *words: call_command("catch_up", "--project", project.slug, *words, stdout=open("/dev/null", "w"))


@pytest.fixture
def calls(post):
    """Post calls of write-draft at an instant, some of them failed."""

    def posted(at, count, *, failed=0):
        items = [
            {
                "id": f"{at.isoformat()}-{number}",
                "occurred_at": (at + timedelta(milliseconds=number)).isoformat(),
                "feature": "write-draft",
                "latency_ms": 900,
                "user_id": f"user-{number % 7}",
                "status": "error" if number < failed else "ok",
                **({"error_class": "timeout"} if number < failed else {}),
            }
            for number in range(count)
        ]
        answer = post("interactions", items)
        assert answer.status_code == 200, answer.text

    return posted


def test_errors_that_were_posted_end_in_one_mail(project, quiet, scope, calls, catch_up, mail_folder):
    from alerts import incidents, mailbox, receivers, rules
    from alerts.limits import Terms
    from alerts.rules import Windows
    from alerts.severity import Certainty, Side
    from ingest import timeline

    now = timeline.now()
    begin = timeline.floor(now, 5 * MINUTE) - 30 * MINUTE
    calls(begin - 20 * MINUTE, 80)
    calls(begin + 2 * MINUTE, 80, failed=20)
    catch_up()
    with scope():
        receivers.add_recipient("oncall@example.com", now)
        made = rules.create(
            name="errors",
            metric="error_rate",
            feature="write-draft",
            terms=Terms(Side.ABOVE, 0.02, 0.05, 50, certainty=Certainty.INTERVAL),
            windows=Windows(15, 5),
            now=now,
            active_from=begin,
        )
    catch_up()
    with scope():
        (incident,) = incidents.open_incidents()
        assert (incident.severity, incident.sample_size) == ("critical", 80)
        assert incident.value == pytest.approx(0.25)
        assert incident.low < 0.25 < incident.high
        assert incident.since == begin + 5 * MINUTE
        (mail,) = mailbox.messages()
        assert mail.subject == "[Critical] write-draft: error rate 25.0 %, limit 5.0 %"
        ends = list(made.evaluation_set.order_by("window_end").values_list("window_end", "state"))
    assert [end for end, _ in ends] == [begin + 5 * step * MINUTE for step in range(1, len(ends) + 1)]
    assert [state for _, state in ends[:4]] == ["critical", "critical", "critical", ends[3][1]]
    assert ends[3][1] in {"unknown", "no_data"}
    assert len(ends) >= 5


def test_every_feature_is_read_at_once_by_the_real_metrics(project, quiet, scope, calls, post, catch_up):
    from alerts import rules
    from alerts.limits import Terms
    from alerts.models import RuleState
    from alerts.rules import Windows
    from alerts.severity import Side
    from ingest import timeline

    now = timeline.now()
    begin = timeline.floor(now, 5 * MINUTE) - 10 * MINUTE
    calls(begin + MINUTE, 60)
    post("interactions", [{"feature": "summarise", "occurred_at": (begin + MINUTE).isoformat()} for _ in range(9)])
    with scope():
        rules.create(
            name="errors",
            metric="error_rate",
            scope="every_feature",
            terms=Terms(Side.ABOVE, 0.02, 0.05, 50),
            windows=Windows(15, 5),
            now=now,
            active_from=begin,
        )
    catch_up()
    with scope():
        states = {row.feature: (row.state, row.sample_size) for row in RuleState.objects.all()}
    assert states["write-draft"] == ("ok", 60)
    assert states["summarise"] in {("learning", 9), ("unknown", 9)}


def test_the_shipped_rules_stay_silent_over_history(project, scope, calls, catch_up):
    from alerts.models import AlertRule, Incident
    from ingest import timeline

    now = timeline.now()
    for days in range(1, 40):
        calls(now - timedelta(days=days), 60, failed=30)
    catch_up()
    catch_up()
    with scope():
        assert AlertRule.objects.filter(is_paused=False).count() == 16
        assert not Incident.objects.exists()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--now", "yesterday"), "yesterday"),
        (("--now", "2026-01-31T12:00:00"), "needs a zone"),
        (("--now", "2099-01-01T00:00:00Z"), "future"),
        (("--project", "nobody-has-this"), "no project"),
    ],
)
def test_what_cannot_be_is_one_clear_line(catch_up, words, complaint):
    with pytest.raises(CommandError, match=complaint):
        catch_up(*words)


def test_evaluation_time_moves_forward_only(project, rule, numbers, catch_up, scope):
    from alerts.models import Evaluation

    rule()
    numbers.set("error_rate", 0.0)
    catch_up("--now", (START + 31 * MINUTE).isoformat())
    with scope():
        assert Evaluation.objects.count() == 6
    with pytest.raises(CommandError, match="before the last judged window"):
        catch_up("--now", (START + 29 * MINUTE).isoformat())
    catch_up("--now", (START + 41 * MINUTE).isoformat())
    with scope():
        assert Evaluation.objects.count() == 8


def test_messages_keep_the_real_clock_whatever_instant_is_judged(project, rule, numbers, catch_up, scope, mail_folder):
    from alerts import mailbox, receivers
    from alerts.models import Delivery
    from ingest import timeline

    with_clock = timeline.now()
    rule()
    numbers.set("error_rate", 0.06)
    with scope():
        receivers.add_recipient("oncall@example.com", START)
    catch_up("--now", (START + 6 * MINUTE).isoformat())
    with scope():
        (row,) = Delivery.objects.all()
        assert (row.state, row.created_at > with_clock) == ("sent", True)
        (mail,) = mailbox.messages()
    assert mail.sent_at >= with_clock.replace(microsecond=0)


def test_shipped_comparisons_find_a_real_fall_and_a_real_growth_by_the_real_metrics(
    project, quiet, scope, post, catch_up
):
    """64 days: thumbs fall from 80 to 50 % after day 50, prompts grow by 60 % after day 33; corrections stay."""
    from alerts import rules
    from alerts.models import AlertRule, Incident
    from ingest import timeline

    now = timeline.now()
    for day in range(64):
        at = now - timedelta(days=64 - day)
        up = 8 if day < 50 else 5
        ids = [f"{day}-{number}" for number in range(40)]
        interactions = [
            {
                "id": one,
                "occurred_at": (at + number * timedelta(seconds=1)).isoformat(),
                "feature": "write-draft",
                "input_tokens": (100 if day < 33 else 160) + number % 5,
                "user_id": f"user-{number}",
            }
            for number, one in enumerate(ids)
        ]
        assert post("interactions", interactions).status_code == 200
        feedback = [
            {"id": f"t{one}", "interaction_id": one, "kind": "thumb", "value": "up" if number % 10 < up else "down"}
            for number, one in enumerate(ids)
        ]
        feedback += [
            {"id": f"c{one}", "interaction_id": one, "kind": "correction", "final_text": "x"} for one in ids[:4]
        ]
        assert post("feedback", feedback).status_code == 200
    catch_up()
    slugs = ["thumbs-up-rate", "correction-rate", "input-tokens-mean"]
    with scope():
        for rule in AlertRule.objects.filter(preset__in=slugs):
            rules.resume(rule, now - timedelta(days=4))
    catch_up()
    with scope():
        found = {incident.rule.preset: incident for incident in Incident.objects.select_related("rule")}
        assert set(found) == {"thumbs-up-rate", "input-tokens-mean"}
        thumbs, tokens = found["thumbs-up-rate"], found["input-tokens-mean"]
        assert (thumbs.severity, tokens.severity) == ("critical", "critical")
        assert (thumbs.reference, thumbs.value) == (pytest.approx(0.8), pytest.approx(0.5))
        assert (thumbs.warning_at, thumbs.critical_at) == (pytest.approx(0.75), pytest.approx(0.70))
        assert tokens.value / tokens.reference == pytest.approx(1.6, abs=0.08)
        kinds = list(AlertRule.objects.get(preset="correction-rate").evaluation_set.values_list("state", flat=True))
        assert set(kinds) == {"ok"}


@pytest.fixture
def erasures(project, catch_up, monkeypatch):
    """Catch up while slices of erasures end like this, one after the other and then as the last; how many there were."""
    from ingest.erasure import run

    def caught_up(*reports):
        taken = []

        def slice_of_work(now, *, only):
            assert len(taken) < 10, "it goes on for ever"
            taken.append(now)
            return run.ErasureReport(**reports[min(len(taken), len(reports)) - 1])

        with monkeypatch.context() as planted:
            planted.setattr(run, "run", slice_of_work)
            catch_up()
        return len(taken)

    return caught_up


def test_erasures_that_only_fail_end_the_command(quiet, erasures):
    with pytest.raises(CommandError, match="2 erasures cannot be done: see the log"):
        erasures({"failed": 2, "left": True})
    with pytest.raises(CommandError, match="1 erasures"):
        erasures({"erased": 5, "failed": 1, "left": True}, {"failed": 1, "left": True})


def test_an_erasure_that_waits_for_others_is_waited_for(quiet, erasures):
    assert erasures(*[{"left": True}] * 3, {"finished": 1}) == 4
    assert erasures(*[{"left": True, "failed": 1, "waits": True}] * 3, {"finished": 1, "failed": 1}) == 4


def test_a_slice_says_that_an_erasure_waits_for_others(project, installation):
    import psycopg

    from ingest import timeline
    from ingest.erasure import receipts, run

    asked = receipts.request(project.id, "u", by="test", now=timeline.now())
    with psycopg.connect(installation.server.urls.app) as other:
        other.execute("SELECT 1")
        report = run.run(asked.due_at, only=[project.id], budget_s=0)
    assert (report.left, report.waits, report.erased) == (True, True, 0)
    assert run.run(asked.due_at, only=[project.id], budget_s=None).waits is False
