"""The transactions service: an HTTP API over MySQL with a Redis cache."""
