"""Sends notifications: by webhook and by mail."""
