"""The front door and the wiring: manifest, HTTP endpoints, who is asking, command line, static pages."""
