"""Figures as plain dictionaries with colour roles, built by pure functions: no Django, no plotly."""
