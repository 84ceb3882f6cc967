"""Versioned labeling: Label Studio on a versioned data store that speaks Pachyderm's API."""

__version__ = "0.1.0"
