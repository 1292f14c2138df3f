"""What is kept: deliveries, runs, their steps and results."""
