"""What systems report, by whichever way: held against what was known, told once."""
