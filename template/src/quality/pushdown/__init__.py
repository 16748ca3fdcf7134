"""Judged where the data lives: Polars' own queries, said exactly in the SQL of a database, or refused by name."""
