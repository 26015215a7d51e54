import time, re, collections
from datetime import UTC, datetime, timedelta
from ingest.timeline import Window, now as clock, floor, MINUTE, QUARTER
from observatory.metrics import roller, series, raw
from ingest.projects.scope import project_scope
from tests.observatory.metrics.streams import generate
from django.db import connection

def test_smoke(project, monkeypatch):
    now = clock()
    w = Window(now - timedelta(days=60), now)
    s = generate(1, w, 14000)
    t=time.time(); s.send(project); print("send", time.time()-t)
    qs = sorted({floor(r["at"], QUARTER) for r in s.interactions})
    ranges = [Window(q, q+QUARTER) for q in qs]
    with project_scope(project.pk), connection.cursor() as c:
        for cols, rows in ((raw._INTERACTION_COLUMNS, raw._INTERACTION_ROWS),(raw._VERDICT_COLUMNS, raw._VERDICT_ROWS)):
            q = f"EXPLAIN (ANALYZE, TIMING OFF) {raw._RANGES} SELECT {', '.join(f'array_agg({column})' for column in cols.values())} {rows}"
            c.execute(q, raw._parameters(ranges))
            print("\n".join(r[0][:160] for r in c.fetchall())[:4500])
    assert 0
