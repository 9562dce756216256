"""Compile all loops for this machine: `python -m engine.combinatorial.kernels`."""

from . import compile_all

if __name__ == "__main__":
    compile_all()
