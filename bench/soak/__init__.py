"""Two processes that are killed, a Redis that goes away, a database that hangs up: nothing lost."""
