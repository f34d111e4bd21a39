"""Processes as they are kept for people, what they were told, and what they told systems."""
