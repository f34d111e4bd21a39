"""Live streams over the event log, read again through resolvers."""
