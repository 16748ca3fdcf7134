"""The team's own rules, sources and flows: what YAML cannot say."""
