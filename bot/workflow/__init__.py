"""Workflows: their language, their durable execution, the worker."""
