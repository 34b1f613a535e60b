"""The log of what was shown to whom: written by the service, joined with later ratings."""
