"""The addresses that apps post to."""

from django.urls import URLPattern, path

from ingest.api import forgetting, patch, views

urlpatterns: list[URLPattern] = [
    path("interactions", views.Interactions.as_view(), name="api-interactions"),
    path("interactions/<path:id>", patch.OneInteraction.as_view(), name="api-interaction"),
    path("feedback", views.Feedback.as_view(), name="api-feedback"),
    path("costs", views.Costs.as_view(), name="api-costs"),
    path("changes", views.Changes.as_view(), name="api-changes"),
    path("users", views.Users.as_view(), name="api-users"),
    path("users/<path:id>", forgetting.OneUser.as_view(), name="api-user"),
    path("figures", views.Figures.as_view(), name="api-figures"),
    path("batch", views.Batch.as_view(), name="api-batch"),
]
