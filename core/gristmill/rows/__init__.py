"""Rows as Arrow data: logical types, order and hash, the same wherever rows are compared, sorted or partitioned."""
