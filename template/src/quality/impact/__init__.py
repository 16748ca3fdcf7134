"""What a change of contracts does: rules before and after it, paired, compared, and judged on the same rows."""
