"""Read files from untrusted visitors in a separate process: unpack safely, decode, check, and
report in a sentence what was left out or changed.

This package does not import torch or the rest of the engine, so that the process starts quickly and
holds nothing of value. Nothing is ever unpickled, and no name in a file becomes a path on this
machine's disk.
"""
