"""Sources of show metadata."""
