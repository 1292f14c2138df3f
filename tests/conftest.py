"""What every test may ask for."""

pytest_plugins = ["tests.house", "tests.postgres", "tests.stage"]
