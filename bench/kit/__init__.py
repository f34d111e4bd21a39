"""What makes the peers' kit measure this server."""
