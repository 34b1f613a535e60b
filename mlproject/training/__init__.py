"""Fitting and measuring models."""
