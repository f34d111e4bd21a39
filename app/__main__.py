"""`python -m app`: the command line, from a checkout that is not installed."""

from app.cli import main

if __name__ == "__main__":
    main()
