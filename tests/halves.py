"""What `make test` calls until it calls the parts of the suite by their name."""

from tests.parts import main

if __name__ == "__main__":
    main()
