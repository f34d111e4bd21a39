"""How the service tells what it does: logs, correlation ids, trace context, metrics."""
