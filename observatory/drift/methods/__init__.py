"""Drift methods: pure, light to import, one file each, of the shape that `shape` describes.

To add one: write its day and baseline types and the functions `shape` lists, give each day a ln LR per alternative whose
expectation is at most 1 while nothing is worse, hand these to `engine.watch`, and show with tests/bench/streams.py that
unchanged series alarm as rarely as promised.
"""
