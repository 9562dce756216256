"""The command line: `python -m engine list | run | compare | study`."""
