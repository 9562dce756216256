"""Functions of two numbers: the field's benchmark functions and those that a visitor types."""
