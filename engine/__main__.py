"""`python -m engine`."""

from engine.cli.commands import main
from engine.system import environment

if __name__ == "__main__":
    environment.prepare()
    main()
