"""The real servers as plain processes on this machine: ``make stack``."""
