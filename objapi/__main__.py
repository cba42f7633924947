"""`python -m objapi`: the `objapi` command."""

from objapi.cli import main

if __name__ == "__main__":
    main()
