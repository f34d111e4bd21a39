"""Servers that Supplygraph starts itself where the installation names none."""
