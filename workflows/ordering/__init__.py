"""Ordering: validated first, then made in the system that leads, then in those that follow."""
