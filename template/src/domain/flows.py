'''Flows of this domain, when a check has to stand beside work of yours.

Bind each flow at module level, so that a worker can import it by its entrypoint (`domain.flows.load_flights`):

    from quality import quality_checked_flow


    @quality_checked_flow(dataset="flights", check_mode="after")
    def load_flights() -> str:
        """Write today's departures and return the path of the file."""
        return "data/flights.parquet"

The check runs in a task: what could not be judged is retried as policy.yml says, a verdict never is. A FAILED verdict
ends the flow Failed, so that nothing after it reads bad data.
'''
