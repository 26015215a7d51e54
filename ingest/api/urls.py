"""The addresses that apps post to."""

from django.urls import URLPattern, path

from ingest.api import views

urlpatterns: list[URLPattern] = [
    path("interactions", views.Interactions.as_view(), name="api-interactions"),
    path("interactions/<path:id>", views.OneInteraction.as_view(), name="api-interaction"),
    path("feedback", views.Feedback.as_view(), name="api-feedback"),
    path("costs", views.Costs.as_view(), name="api-costs"),
    path("changes", views.Changes.as_view(), name="api-changes"),
]
