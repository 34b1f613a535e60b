"""Batches of ratings: their keys and formats, who writes them and who reads them."""
