"""Two prompt types on the same tasks in the same weather: a paired difference, and the audit."""

import stormproof
from stormproof.stats import compare

RESULTS = "compare-results"
PROMPTS = ("optimal", "flawed_missing_step")

stormproof.run(
    stormproof.RunOptions(
        models=("DeepSeek-V3-0324",),
        prompt_types=PROMPTS,
        task_types=("simple_task", "basic_task"),
        num_instances=6,
        results=RESULTS,
    )
)

success: dict[str, dict[str, float]] = {prompt: {} for prompt in PROMPTS}
for episode in stormproof.read_episodes(RESULTS):
    if episode.score is not None:  # what infrastructure ended says nothing of the model
        of_prompt = success[episode.trial.condition.prompt_type]
        of_prompt[episode.trial.task_id] = float(episode.score.success == "full")

tasks = sorted(success[PROMPTS[0]].keys() & success[PROMPTS[1]].keys())
found = compare(" - ".join(PROMPTS), *([success[p][task] for task in tasks] for p in PROMPTS))
gap = found.difference
print(f"{found.name}: {gap.estimate:+.2f}, 95 % in [{gap.low:+.2f}, {gap.high:+.2f}]")
print(f"p = {found.p_value:.2f} ({found.method}) over {gap.tasks} tasks; models are SIMULATED")

for group in stormproof.audit(RESULTS).models:
    print(f"audit of {group.name['model']}: {group.verdict}. {group.reason}")
