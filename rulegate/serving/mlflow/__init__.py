"""Everything MLflow: resolving, downloading, loading and the scoring protocol.

Two of the modules run in the gateway and import nothing of MLflow (`registry`, `backend`, with `warm_parent_client`
that they share); the others run in child processes.
"""
