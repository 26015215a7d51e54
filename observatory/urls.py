"""Where every address leads. Rooms are named by dotted string, so the wiring sits on no floor."""

from django.urls import include, path

urlpatterns = [
    path("", include("observatory.health_urls")),
    path("api/v1/", include("ingest.api.urls")),
    path("api/v1/", include("observatory.metrics.urls")),
    path("api/v1/", include("observatory.drift.urls")),
    path("api/v1/", include("alerts.urls")),
    path("api/", include("observatory.openapi.urls")),
    path("", include("dashboards.urls")),
]
handler400 = "dashboards.errors.bad_request"
handler403 = "dashboards.errors.forbidden"
handler404 = "dashboards.errors.not_found"
handler500 = "dashboards.errors.server_error"
