"""Programs that write what is committed: data sets, recordings, README's tables and pictures."""
