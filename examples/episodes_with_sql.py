"""What a run left behind, read two ways: by SQL over its tables, and episode by episode."""

import stormproof

RESULTS = "sql-results"

stormproof.run(
    stormproof.RunOptions(
        models=("DeepSeek-V3-0324",),
        prompt_types=("optimal",),
        task_types=("simple_task",),
        num_instances=3,
        results=RESULTS,
    )
)

found = stormproof.query(
    RESULTS,
    """
    select model, task_type, count(*) as episodes,
           avg((success = 'full')::int) as success, avg(ceiling) as ceiling
    from episodes where outcome = 'completed' group by all order by all
    """,
)
for row in found.to_pylist():
    print(row)

for episode in stormproof.read_episodes(RESULTS):
    for turn in episode.turns:
        tools = ", ".join(f"{e.tool} {'ok' if e.ok else e.error_code}" for e in turn.executions)
        print(f"{episode.trial.task_id} turn {turn.index}: {turn.action} {tools}")
