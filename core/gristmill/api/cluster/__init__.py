"""Jobs and queries on a cluster, as its users reach them: through the API server alone, with their kubeconfig.

``gm.run(job, cluster=...)`` and the command line call this. It makes, watches and removes resources, and talks to the
lead of a pool over a forwarded port; what the operator and the pods do is not known here. The Kubernetes client is
imported when something is first asked of a cluster.
"""
