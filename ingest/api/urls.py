"""The addresses that apps post to."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
