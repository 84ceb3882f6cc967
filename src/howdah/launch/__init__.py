"""Installs Howdah and runs its processes on one machine.

`entry` and `install` run under whatever Python the user has, before anything is installed: standard library only.
`main` runs in the virtual environment: it starts the store and Label Studio and watches over both. What to do next
is decided purely in `supervisor`; `loop` carries it out.
"""
