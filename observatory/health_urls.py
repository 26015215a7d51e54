"""The addresses of the health checks. Both are open: they say nothing of any project."""

from django.urls import path
from django.views.decorators.http import require_safe

from observatory import health

urlpatterns = [
    path("healthz", require_safe(health.alive), name="healthz"),
    path("readyz", require_safe(health.ready), name="readyz"),
]
