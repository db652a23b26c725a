"""Walks, circles, their pictures and the best sites, beside other engines on the same streets."""
