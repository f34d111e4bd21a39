"""How changes come in over HTTP."""
