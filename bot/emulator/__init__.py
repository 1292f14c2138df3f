"""A GitHub (and a model) that run on this machine: the stage of the demo and of the tests."""
