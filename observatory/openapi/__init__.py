"""The description of the HTTP API, derived from its views and from the structs that decode what apps send."""
