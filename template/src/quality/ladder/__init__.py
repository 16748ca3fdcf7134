"""The four rungs: task, block, flow, deployment."""
