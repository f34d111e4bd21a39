"""The published GraphQL types: which fields there are, and which link or column answers each."""
