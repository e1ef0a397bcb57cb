"""The scheduler: a state machine without I/O, clock or randomness. Events in, instructions out."""
