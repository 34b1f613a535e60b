"""What was shown to whom: written by the service, joined with what was rated afterwards."""
