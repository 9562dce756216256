"""`python -m engine`, or `kelvin` if the package is installed."""

from .cli.main import main
from .system import environment


def start() -> None:
    """Run the command line, in a process of its own."""
    environment.prepare()
    main()


if __name__ == "__main__":
    start()
