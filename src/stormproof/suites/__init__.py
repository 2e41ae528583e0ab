"""The seam between benchmarks and the rest; `workflows` is the built-in one."""
