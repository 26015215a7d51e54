"""How much one project, key or address may ask for: rates, and places at once.

Everything here is in the memory of one web process. Several processes each grant the full measure: a quota keeps a flood
from being everybody's trouble, it is no bill.
"""
