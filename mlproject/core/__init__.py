"""Pure types, protocols and the error tree: no vendor library, no effect."""
