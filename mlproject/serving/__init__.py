"""Answering with the model in production."""
