"""Benchmarks: what the service's claims about speed and exactness are measured with."""
