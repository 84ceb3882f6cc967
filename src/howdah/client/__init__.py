"""The verbs of Pachyderm's API as plain functions over one connection.

Every verb takes a `Connection` first, takes and gives `howdah.names` and `howdah.infos` values, and raises the
categories of `howdah.errors`. It speaks to the embedded store and to a real Pachyderm cluster alike. Verbs that
give an iterator make their call when the first item is asked for, and cancel it when the iterator is closed.
"""
