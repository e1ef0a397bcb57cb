"""Plans: immutable values that say what to run. No I/O, no pods, no Arrow data; everything else builds on them."""
