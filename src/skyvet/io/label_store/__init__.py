"""The label store: an append-only history of label events in SQLite or PostgreSQL (``labels``)."""
