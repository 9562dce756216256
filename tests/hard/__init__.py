"""The suite under conditions that other machines have: `python -m tests.hard`."""
