"""The public contract as Strawberry types."""
