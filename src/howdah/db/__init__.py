"""Rows: everything mutable, in one transactional database.

`Database` is one of the only two doors to lasting state (the other is `howdah.store.bucket`).
"""
