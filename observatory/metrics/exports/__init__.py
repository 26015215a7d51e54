"""Numbers and records as files: CSV or JSON Lines, streamed in pages."""
