"""Backend, frontend and infrastructure."""
