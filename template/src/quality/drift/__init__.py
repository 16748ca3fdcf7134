"""What differs from the repository."""
