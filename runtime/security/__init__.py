"""Who is asking: bearer tokens, and the principal that a valid one stands for."""
