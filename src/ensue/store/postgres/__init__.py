"""The server store: PostgreSQL 15 or newer, by psycopg 3."""
