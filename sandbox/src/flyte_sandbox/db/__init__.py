"""The SQL: one schema for SQLite and PostgreSQL, one module per kind of row. Rules live in ``admin``."""
