"""What replenishment keeps: what is to be evaluated, and what it recommends."""
