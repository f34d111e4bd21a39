"""Notifications as rows of the store: what is to be sent, until it is sent."""
