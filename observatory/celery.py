"""Celery as workers see it: the timetable's app with Django and every task loaded (`celery -A observatory`)."""

import os

os.environ.setdefault("CELERY_SKIP_CHECKS", "1")  # Django's checks would load every page of the web

import django
from celery.fixups.django import fixup

from observatory.timetable import TASKS, app

__all__ = ["app"]

django.setup()
fixup(app)
app.conf.include = sorted({task.rpartition(".")[0] for task in TASKS.values()})
