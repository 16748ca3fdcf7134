"""Quarantined rows, and released again."""
