"""A pretend Coupa: procurement of one region behind the Core REST API."""
