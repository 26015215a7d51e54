"""What the commands of the product have in common."""

from django.core.management import base

OWN_CHECKS = "observatory"
"""The tag of those system checks that every command of the product runs first."""


class BaseCommand(base.BaseCommand):
    """A command that runs the product's own system checks alone: Django's would load every page before each command."""

    requires_system_checks = (OWN_CHECKS,)
