"""The front door and the wiring: manifest, HTTP, who is asking, command line, static pages."""
