"""Runs, versions, aliases and what may be promoted."""
