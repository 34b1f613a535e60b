"""A TV-show recommender, from rating event to REST answer."""

__version__ = "0.1.0"
