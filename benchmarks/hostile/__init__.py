"""How long others wait while somebody means harm."""
