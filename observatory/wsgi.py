"""The web process's entry point. It always uses the app role: the one that row-level security binds."""

import gc
import os

os.environ["OBSERVATORY_ROLE"] = "app"
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "observatory.settings")

from django.core.wsgi import get_wsgi_application  # the role must be set before Django reads its settings

from ingest import memory
from observatory import checks, liveness, stalled

application = get_wsgi_application()
checks.refuse_unsafe()
liveness.start()
stalled.start()
memory.keep_giving_back()
# What is there now stays for ever, and requests leave few cycles: without this a twentieth of the time goes into looking.
gc.freeze()
gc.set_threshold(50_000, 20, 50)
