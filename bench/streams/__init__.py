"""Fan-out of subscriptions: events a second, latency, memory of a socket, beside other servers."""
