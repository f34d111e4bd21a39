"""How systems are spoken to: a kit shared by all, a module per protocol, a YAML preset per product."""
