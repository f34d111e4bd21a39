"""What this server is measured beside: servers as somebody else would write them."""
