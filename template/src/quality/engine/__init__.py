"""What a rule is, and how many of them are judged in one pass."""
