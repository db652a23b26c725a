"""Settings, the private PostGIS cluster, the ASGI application and the command line."""
