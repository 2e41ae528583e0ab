"""The benchmark: tools that compute, tasks whose end is checked, weather, plans, prompts."""
