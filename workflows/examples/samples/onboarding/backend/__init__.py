"""Answers requests, as the contract has them."""
