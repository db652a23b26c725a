"""GraphQL over PostGIS: our service beside others on the same database."""
