"""Approval: a recommendation is decided by itself or by people, in time, and becomes an order."""
