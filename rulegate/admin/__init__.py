"""The admin port: metrics, the running configuration, the models, and why a request goes where it goes."""
