"""The worker: an agent that serves shuffle data and heartbeats, and the executor processes that run fragments."""
