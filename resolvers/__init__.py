"""Decisions: who may see what, what is valid, and how each field is answered for a whole list of parents."""
