"""The addresses of the read API of metrics."""

from django.urls import URLPattern, path

from observatory.metrics import api
from observatory.metrics.baselines import api as baselines

urlpatterns: list[URLPattern] = [
    path("metrics", api.Definitions.as_view(), name="api-metrics"),
    path("metrics/<str:name>", api.Numbers.as_view(), name="api-metric"),
    path("baselines", baselines.Baselines.as_view(), name="api-baselines"),
    path("baselines/<str:name>", baselines.OneBaseline.as_view(), name="api-baseline"),
    path("baselines/<str:name>/comparison", baselines.Comparison.as_view(), name="api-baseline-comparison"),
]
