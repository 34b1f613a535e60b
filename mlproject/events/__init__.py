"""Rating events: their schema and its encoding, a simulator, and the replay of a file."""
