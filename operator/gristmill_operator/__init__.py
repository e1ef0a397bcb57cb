"""The kopf operator: pure decisions about MapReduceJob, SQLQuery and WorkerPool resources, and a thin shell."""
