'''Flows of this domain, when a check has to stand beside work of yours.

Bind each flow at module level, so that a worker can import it by its entrypoint (`domain.flows.load_flights`):

    @quality_checked_flow(dataset="flights", when="after")
    def load_flights() -> str:
        """Write today's departures and return the path of the file."""
        ...
'''
