"""Decisions: who may see what, what is valid, how a field is answered for many parents."""
