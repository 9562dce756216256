"""All that is fixed before a race: the experiment, its stopping rules, its text in links."""
