"""Management commands of alerting."""
