"""The door to PostgreSQL servers: where a database is, and whether it can be used."""
