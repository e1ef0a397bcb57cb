"""The kernel: runs the fragments of one task, from its input rows to its outlets. Knows nothing of other tasks."""
