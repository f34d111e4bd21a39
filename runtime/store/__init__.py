"""The SQL store: a SQLite file or a PostgreSQL, its tables, and how they come to be."""
