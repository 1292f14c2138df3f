"""What every test may ask for."""

pytest_plugins = ["tests.corporation", "tests.house", "tests.town", "tests.postgres", "tests.stage"]
