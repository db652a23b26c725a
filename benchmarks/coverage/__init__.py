"""The coverage engine beside others, on the same generated levels in one run."""
