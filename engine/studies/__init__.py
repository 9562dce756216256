"""Studies: published claims, run again with controls, several seeds and intervals."""
