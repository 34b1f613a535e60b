"""From rating events to interactions, features and a holdout."""
