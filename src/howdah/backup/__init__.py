"""Everything of a data folder in one file, made while it is in use, and the way back."""
