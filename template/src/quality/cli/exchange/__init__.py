"""Contracts from elsewhere and to elsewhere: what other tools write, rule by rule."""
