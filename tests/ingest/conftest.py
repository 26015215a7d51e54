"""Hypothesis here: no clock of its own on a shared machine, and no files left behind."""

from hypothesis import settings

settings.register_profile("quiet", database=None, deadline=None)
settings.load_profile("quiet")
