"""The addresses of the read API of metrics."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
