"""Drift methods: pure, light to import, one file each, of the shape that `shape` describes.

To add one: write its day and baseline types and the functions that `shape` lists; give each day one ln LR per
alternative, whose LR has an expectation of at most 1 while nothing is worse; hand these to `engine.watch`; show with
tests/bench/streams.py that unchanged series alarm as rarely as promised.
"""
