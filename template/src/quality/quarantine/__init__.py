"""Rows quarantined, and released again."""
