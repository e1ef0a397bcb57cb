"""SQL text to a chain of MapReduce jobs. Knows core's plan types and storage's footers, nothing of how tasks run."""
