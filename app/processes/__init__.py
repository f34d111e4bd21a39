"""Processes, wired: what they read, what they write to, and what sets them off."""
