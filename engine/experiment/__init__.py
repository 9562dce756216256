"""Everything that is fixed before a race: the experiment, its stopping rules, its text form in
links.
"""
