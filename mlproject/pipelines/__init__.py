"""The only code that joins stages, through ports."""
