"""What crosses systems and must not be lost: ingestion of what they report."""
