"""The addresses for machines. They say nothing of any project; the checks are open, the numbers say who may read them."""

from django.urls import path
from django.views.decorators.http import require_safe

from observatory import health, scrape

urlpatterns = [
    path("healthz", require_safe(health.alive), name="healthz"),
    path("readyz", require_safe(health.ready), name="readyz"),
    path("metrics", require_safe(scrape.metrics), name="product-metrics"),
]
