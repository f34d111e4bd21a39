"""Notifications: what people are told of, kept with what it tells of until it is sent."""
