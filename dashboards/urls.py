"""The addresses of the pages."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from dashboards.pages import (
    cost,
    drift,
    engagement,
    health,
    home,
    incidents,
    interactions,
    manual,
    overview,
    quality,
    sign_in,
    status,
)
from dashboards.pages.settings import data, features, keys, mail, project, receivers, rules
from dashboards.view import public_page

urlpatterns = [
    path("", home.home, name="home"),
    path("api/docs/", manual.api_manual, name="api-docs"),
    path("sign-in/", public_page(sign_in.SignIn.as_view()), name="sign-in"),
    path("sign-out/", public_page(LogoutView.as_view()), name="sign-out"),
    path("<slug:slug>/", overview.overview, name="overview"),
    path("<slug:slug>/strip/", overview.strip, name="strip"),
    path("<slug:slug>/health/", health.health, name="health"),
    path("<slug:slug>/quality/", quality.quality, name="quality"),
    path("<slug:slug>/cost/", cost.cost, name="cost"),
    path("<slug:slug>/engagement/", engagement.engagement, name="engagement"),
    path("<slug:slug>/drift/", drift.drift, name="drift"),
    path("<slug:slug>/drift/<int:number>/", drift.finding, name="finding"),
    path("<slug:slug>/incidents/", incidents.incidents, name="incidents"),
    path("<slug:slug>/incidents/<int:number>/", incidents.incident, name="incident"),
    path("<slug:slug>/incidents/<int:number>/acknowledge/", incidents.acknowledge, name="acknowledge"),
    path("<slug:slug>/incidents/<int:number>/resolve/", incidents.resolve, name="resolve"),
    path("<slug:slug>/interactions/", interactions.interactions, name="interactions"),
    path("<slug:slug>/interactions/one/", interactions.interaction, name="interaction"),
    path("<slug:slug>/status/", status.status, name="status"),
    path("<slug:slug>/settings/", project.project, name="settings"),
    path("<slug:slug>/settings/keys/", keys.keys, name="settings-keys"),
    path("<slug:slug>/settings/keys/<int:key_id>/revoke/", keys.revoke, name="revoke-key"),
    path("<slug:slug>/settings/data/", data.data, name="settings-data"),
    path("<slug:slug>/settings/features/", features.features, name="settings-features"),
    path("<slug:slug>/settings/receivers/", receivers.receivers, name="settings-receivers"),
    path("<slug:slug>/settings/receivers/<slug:kind>/<int:number>/test/", receivers.test, name="test-receiver"),
    path("<slug:slug>/settings/receivers/<slug:kind>/<int:number>/switch/", receivers.switch, name="switch-receiver"),
    path("<slug:slug>/settings/rules/", rules.rules, name="settings-rules"),
    path("<slug:slug>/settings/rules/<int:rule_id>/switch/", rules.switch, name="switch-rule"),
    path("<slug:slug>/settings/mail/", mail.mails, name="settings-mail"),
    path("<slug:slug>/settings/mail/<str:name>/", mail.mail, name="settings-one-mail"),
]
