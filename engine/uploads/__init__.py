"""Reading files that strangers give, in a process of its own: safely unpacked, decoded, checked;
with a sentence for everything that was left out or changed.

Nothing in this room knows of torch or of the rest of the engine, so that the process begins quickly
and has little to lose. Nothing is ever unpickled, and no name out of a file becomes a path on this
machine's disk.
"""
