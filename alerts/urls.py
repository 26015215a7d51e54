"""The addresses of incidents and findings."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
