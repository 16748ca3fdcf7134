"""What a check leaves for people and machines."""
