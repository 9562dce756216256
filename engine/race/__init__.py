"""All that changes while a race runs: lanes, interventions, checkpoints, failures."""
