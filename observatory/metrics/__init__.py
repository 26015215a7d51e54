"""Metrics: definitions, rollups, user rows and the read API."""
