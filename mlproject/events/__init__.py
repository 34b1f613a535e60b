"""Rating events: simulated, replayed from a file."""
