"""Entry points of the pods: lead and worker."""
