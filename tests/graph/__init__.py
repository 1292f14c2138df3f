"""What the graphs of workflows are made of."""
