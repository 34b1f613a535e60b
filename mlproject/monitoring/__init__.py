"""What each process counts for Prometheus, and the port at which it tells."""
