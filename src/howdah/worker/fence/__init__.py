"""A program that runs code fenced in, one run at a time: `python -m howdah.worker.fence`.

It has one thread and needs nothing but the standard library, so that it may fork; whoever has threads of gRPC may not.
It is spoken to over a socket, its standard input, in `frames`. When the socket ends, or the program does, the kernel
ends all that it has started.

The code sees the machine's files read-only, `/pfs` with its inputs, read-only, and `/pfs/out`, and a `/tmp` of its own;
of processes its own alone; of the data folder nothing. It has no capability and can get none.
"""
