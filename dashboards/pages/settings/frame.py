"""What the settings pages share: their menu and the rule that only members who may write change things."""

from django.http import HttpResponse

from dashboards.components import NavItem
from dashboards.view import View

PAGES = (
    ("Project", "settings/"),
    ("API keys", "settings/keys/"),
    ("Features", "settings/features/"),
    ("Data", "settings/data/"),
    ("Receivers", "settings/receivers/"),
    ("Rules", "settings/rules/"),
    ("Mail folder", "settings/mail/"),
)


def render(view: View, template: str, context: dict[str, object], status: int = 200) -> HttpResponse:
    """A settings page with its menu."""
    here = view.request.path
    menu = tuple(NavItem(text, view.url(path), here == view.url(path)) for text, path in PAGES)
    return view.render(f"settings/{template}", {"menu": menu, **context}, status)
