"""The addresses of the read API of metrics."""

from django.urls import URLPattern, path

from observatory.metrics import api

urlpatterns: list[URLPattern] = [
    path("metrics", api.Definitions.as_view(), name="api-metrics"),
    path("metrics/<str:name>", api.Numbers.as_view(), name="api-metric"),
]
