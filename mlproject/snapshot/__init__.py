"""The latest rating of every user and show, brought up to the newest batch."""
