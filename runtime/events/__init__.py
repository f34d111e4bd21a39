"""The log of events: written once, read by everybody, told of in every process."""
