"""The addresses of incidents in the API."""

from django.urls import path

from alerts.api import Incidents, SingleIncident

urlpatterns = [
    path("incidents", Incidents.as_view(), name="api-incidents"),
    path("incidents/<int:number>", SingleIncident.as_view(), name="api-incident"),
]
