"""The addresses of the read API of metrics."""

from django.urls import URLPattern, path

from observatory.metrics import (
    api,
    distribution_api,
    forecast_api,
    people_api,
    prometheus,
    provider_limits_api,
    tickets_api,
    unit_economics_api,
)
from observatory.metrics.baselines import api as baselines
from observatory.metrics.exports.api import addresses

urlpatterns: list[URLPattern] = [
    path("metrics", api.Definitions.as_view(), name="api-metrics"),
    path("metrics/<str:name>", api.Numbers.as_view(), name="api-metric"),
    path("metrics/<str:name>/distribution", distribution_api.Distribution.as_view(), name="api-distribution"),
    path("prometheus", prometheus.Headlines.as_view(), name="api-prometheus"),
    *(path(f"export/{name}", view, name=f"api-export-{name}") for name, view in addresses()),
    path("baselines", baselines.Baselines.as_view(), name="api-baselines"),
    path("baselines/<str:name>", baselines.OneBaseline.as_view(), name="api-baseline"),
    path("baselines/<str:name>/comparison", baselines.Comparison.as_view(), name="api-baseline-comparison"),
    path("forecasts/cost", forecast_api.CostForecasts.as_view(), name="api-forecast-cost"),
    path("people/costs", people_api.Costs.as_view(), name="api-people-costs"),
    path("people/cohorts", people_api.Cohorts.as_view(), name="api-people-cohorts"),
    path("people/tickets", tickets_api.PeoplesTickets.as_view(), name="api-people-tickets"),
    path("provider-limits", provider_limits_api.ProviderLimits.as_view(), name="api-provider-limits"),
    path("tickets/categories", tickets_api.Categories.as_view(), name="api-tickets-categories"),
    path("unit-economics", unit_economics_api.CostPerUser.as_view(), name="api-unit-economics"),
]
