"""The custom resource definitions, made from the tables of fields in gristmill.plan.

``python -m gristmill_operator.crds FOLDER`` (``make crds``) writes them; tests compare crds/ and the chart with them.
Nothing of a running operator needs them.
"""
