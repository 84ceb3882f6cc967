"""The store as a process: gRPC at the edge, the synchronous core behind a bridge."""
