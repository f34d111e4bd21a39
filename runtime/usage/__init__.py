"""How the schema is used: counted in Redis, kept by day in the store."""
