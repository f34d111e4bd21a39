"""The audit: a chain of entries that shows whether anybody has changed it."""
