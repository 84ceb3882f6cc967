"""Works on datums: fetches their inputs, runs the user's code on them fenced in, and finds what it wrote.

A client of the store. The code runs in a process tree that `howdah.worker.fence` starts and ends: see there what it
can reach and what it cannot. One `Slot` runs one datum at a time; several slots run several at once.
"""
