"""The HTTP side: the webhook door, health, metrics, the page of a run."""
