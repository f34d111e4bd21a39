"""What runs beneath the connectors and loaders: shared limits, cache, security, telemetry."""
