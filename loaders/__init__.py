"""Batched reads by key and by list, pages across systems, and identity across systems."""
