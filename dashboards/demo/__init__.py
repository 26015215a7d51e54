"""The demo: real answers of real models, replayed over the last sixty days through the product's own HTTP API."""
