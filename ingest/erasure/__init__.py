"""Forgetting a user: a tombstone first, so that nothing comes back, and then everything that names them."""
