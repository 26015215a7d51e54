import time, re, collections
from datetime import UTC, datetime, timedelta
from ingest.timeline import Window, now as clock
from observatory.metrics import roller, series, recompute, store, sheets, user_rows, raw, codec
from ingest.projects.scope import project_scope
from tests.observatory.metrics.streams import generate
import psycopg

def test_smoke(project, monkeypatch):
    now = clock()
    w = Window(now - timedelta(days=60), now)
    s = generate(1, w, 14000)
    t=time.time(); s.send(project); print("send", time.time()-t)
    spent = collections.Counter(); n = collections.Counter()
    def wrap(mod, name):
        old = getattr(mod, name)
        def f(*a, **k):
            t=time.process_time()
            try: return old(*a, **k)
            finally: spent[name]+=time.process_time()-t; n[name]+=1
        monkeypatch.setattr(mod, name, f)
    for mod, name in ((roller,"_bind"),(roller,"_count_buckets"),(roller,"_count_users"),(roller,"_merge_quarters"),(roller,"_merge_days"),(recompute,"recompute"),(recompute,"sheets_of"),(recompute,"summed"),(store,"replace"),(store,"_insert"),(store,"fetch"),(sheets,"merge"),(raw,"_columns"),(roller,"_affordable"),(roller.noticing,"notice")):
        wrap(mod,name)
    t0=time.process_time(); t=time.time(); r = roller.roll(now, only=[project.pk], everything=True); print(r, "roll", time.time()-t, "cpu", time.process_time()-t0)
    for k,v in spent.most_common(20): print(round(v,2), n[k], k)
    assert 0
