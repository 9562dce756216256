"""`python -m engine`."""

from engine import environment
from engine.cli.commands import main

if __name__ == "__main__":
    environment.prepare()
    main()
