"""Governance: what operations are audited by, how the schema is used, and whose its types are."""
