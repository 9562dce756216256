"""`python -m engine`."""

from .cli.commands import main
from .system import environment

if __name__ == "__main__":
    environment.prepare()
    main()
