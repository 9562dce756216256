"""Everything that is shown of a race: metrics, pictures of weight space, predictions,
single steps.
"""
