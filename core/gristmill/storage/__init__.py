"""Storage: inputs and outputs by URI, splits, formats, and the commit that makes a job's output whole or absent."""
