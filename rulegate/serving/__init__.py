"""Model URI → version → loaded model: resolving, fetching, loading and leases; MLflow stays behind seams."""
