"""Rules learned from data, held out on what came later, and what they notice when the data is corrupted."""
