"""What was read and what was found, in words and tables."""
