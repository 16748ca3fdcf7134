"""What people write: contracts, policy, sources; and both as one configuration."""
