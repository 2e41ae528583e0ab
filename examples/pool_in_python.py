"""A pool made in Python: two accounts that serve one model, with the limits that are known.

Keys are named, never written down: `env:NAME` is read when a run begins. Nothing is sent here.
"""

import stormproof

pool = stormproof.Pool(
    providers={
        "azure": {
            "dialect": "azure",
            "base_url": "https://example.openai.azure.com",
            "api_version": "2024-10-21",
            "keys": {"main": "env:AZURE_OPENAI_API_KEY"},
            "limits": {"rpm": 600},
        },
        "gateway": {
            "base_url": "https://gateway.example.com/v1",
            "keys": {"one": "env:GATEWAY_KEY_1", "two": "env:GATEWAY_KEY_2"},
        },
    },
    models={
        "DeepSeek-V3-0324": {
            "deployments": [
                {"name": "DeepSeek-V3-0324", "provider": "azure"},
                {"name": "deepseek-v3", "provider": "gateway"},
            ],
        },
    },
)
options = stormproof.RunOptions(models=("DeepSeek-V3-0324",), scenarios=("5.1", "5.3"))
plan = stormproof.plan(options, pool=pool)

print(f"{plan.remaining} of {plan.planned} trials to run")
for endpoint in plan.endpoints:
    print(f"{endpoint.number}: {endpoint.endpoint_id} at {endpoint.base_url}, key {endpoint.key}")
