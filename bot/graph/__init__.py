"""Graphs of jobs as plain data."""
