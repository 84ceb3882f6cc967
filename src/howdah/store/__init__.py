"""Bytes and trees: immutable, named by their hash, packed into a bucket."""
