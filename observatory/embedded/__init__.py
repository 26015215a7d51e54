"""Zero-setup running: our own PostgreSQL, our own supervisor, and what a first start needs."""
