"""Django's PostgreSQL backend with patience that ends: `ENGINE = "ingest.driver"`.

A server that is frozen (stopped, swapped out, behind a dead network) keeps its connections open and says nothing. Its
own time limits do not help, since it is the one that would have to keep them; so every wait of ours has an end here.
"""
