"""The address of the API's description."""

from django.urls import URLPattern, path

from observatory.openapi import views

urlpatterns: list[URLPattern] = [path("schema", views.schema, name="api-schema")]
