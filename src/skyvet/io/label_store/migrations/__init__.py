"""Alembic migrations of the label store's tables; `skyvet.io.label_store.migrating` runs them."""
