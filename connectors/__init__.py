"""How systems are spoken to: a shared kit, a module per protocol, a YAML preset per product."""
