"""Compile all loops for this machine: `python -m engine.combinatorial.kernels`. Where they are
compiled already it takes a second.
"""

import sys
import threading

from . import compile_all

SILENT_SECONDS = 4.0


def main() -> None:
    """Compile, and say so if it takes a while."""
    text = "Compiling loops for this machine, once; half a minute …"
    told = threading.Timer(SILENT_SECONDS, lambda: print(text, file=sys.stderr, flush=True))
    told.daemon = True
    told.start()
    compile_all()
    told.cancel()


if __name__ == "__main__":
    main()
