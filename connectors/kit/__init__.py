"""What every protocol shares: transport, authorisation, call policies, paging and mapping."""
