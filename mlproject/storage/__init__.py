"""Objects, their keys, and the file formats inside them."""
