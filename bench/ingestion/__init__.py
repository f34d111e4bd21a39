"""What the ways in take: webhooks, single and in batches, and files, over both kinds of store."""
