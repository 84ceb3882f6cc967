"""Pipelines for labels, ready to use: their specifications, and the programs that need no home of their own.

A recipe makes an ordinary specification. Its command is `howdah` itself, which a worker has for its code.
"""
