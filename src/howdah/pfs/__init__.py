"""The versioned file system: projects, repos, branches, commits, files.

Verbs are functions of a transaction (`commits.start(tx, …)`) where only rows are concerned, and of the store
where bytes move too (`files.walk(store, …)`).
"""
