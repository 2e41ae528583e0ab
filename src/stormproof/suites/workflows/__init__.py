"""The benchmark: tools that compute, tasks, goals, plans, flaws and weather."""
