"""The Python API: jobs as plain functions, runs, results. Everything here is re-exported by ``gristmill``."""
