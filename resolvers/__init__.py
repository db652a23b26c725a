"""Use cases, shared by GraphQL and the command line; they return rows, never GraphQL types."""
