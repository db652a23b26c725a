"""Plans beside other solvers of the same flow."""
