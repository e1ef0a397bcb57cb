"""The command line: talks to the embedded engine or to a cluster."""
