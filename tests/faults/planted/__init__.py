"""Planted bugs: each module re-introduces one defect, so that a test can show that it would be noticed.

A module has `prepare()`, called before Django reads its settings, and `wrap(application)`, which gives what is served.
Nothing of the product imports or knows them. `python -m tests.faults.planted NAME` serves the web with one.
"""
