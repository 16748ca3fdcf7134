"""What a person reads of a result."""
