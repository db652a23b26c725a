"""Whether the service's memory stays level while it is asked for a long time."""
