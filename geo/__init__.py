"""Pure geometry and graphs: arrays in, arrays out; no I/O, no SQL, no GraphQL, no clock."""
