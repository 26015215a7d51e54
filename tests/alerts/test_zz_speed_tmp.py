import time
from datetime import timedelta
from tests.alerts.conftest import *
MINUTE = timedelta(minutes=1)
def test_speed(project, post, make_project):
    from alerts import evaluation
    from alerts.models import AlertRule, RuleState, Evaluation
    from ingest import timeline
    from ingest.projects.scope import project_scope
    from observatory.metrics import roller
    from django.db import connection
    from django.test.utils import CaptureQueriesContext
    now = timeline.now()
    with project_scope(project.id):
        from alerts import presets; presets.install(project.id, now - timedelta(minutes=40))
        AlertRule.objects.update(active_from=now-timedelta(minutes=30))
    for minute in range(2, 30, 4):
        items=[{"feature": f"f{i%50}", "occurred_at": (now - minute*MINUTE).isoformat(), "latency_ms": 500+i} for i in range(1000)]
        for _ in range(3): assert post("interactions", items).status_code == 200
    roller.roll(timeline.now(), only=[project.id], everything=True)
    evaluation.evaluate(now - timedelta(minutes=25), only=[project.id])
    with project_scope(project.id):
        print("states", RuleState.objects.count())
        RuleState.objects.filter(rule__window_minutes=15).update(judged_to=now-20*MINUTE, due_at=now-30*MINUTE)
        Evaluation.objects.all().delete()
    t=time.perf_counter()
    with CaptureQueriesContext(connection) as q:
        r=evaluation.evaluate(timeline.now(), only=[project.id], budget_s=0.0)
    print(r, time.perf_counter()-t, len(q))
    from collections import Counter
    print(Counter(x["sql"][:60] for x in q.captured_queries).most_common(12))
    t=time.perf_counter(); r=evaluation.evaluate(timeline.now(), only=[project.id], budget_s=100); print(r, time.perf_counter()-t)
