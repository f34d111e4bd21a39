"""The manifest: one YAML file that says everything about an installation."""
