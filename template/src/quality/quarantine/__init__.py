"""Rows set apart, and released again."""
