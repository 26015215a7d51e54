"""The addresses of drift in the API."""

from django.urls import URLPattern, path

from observatory.drift.api import Findings, SingleFinding

urlpatterns: list[URLPattern] = [
    path("findings", Findings.as_view(), name="api-findings"),
    path("findings/<int:number>", SingleFinding.as_view(), name="api-finding"),
]
