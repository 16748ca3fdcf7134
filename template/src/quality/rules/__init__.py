"""Every rule there is, by family."""
