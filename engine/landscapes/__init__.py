"""Functions of two variables: the field's benchmark functions and formulas that a visitor types."""
