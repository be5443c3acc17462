"""What waits for a person's decision, and what people decide."""
