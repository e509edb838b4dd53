"""The answer, in sentences: what a person reads first."""

from __future__ import annotations

from deblurbench.report.results import Result, Results

FEW_IMAGES = 10
LEVEL = 0.05  # dB: less is no difference to speak of


def answers(results: Results) -> list[str]:
    """One sentence or two a data set: who restores best, by how much, and who does worse than nothing."""
    return [_answer(results, dataset) for dataset in results.datasets]


def caution(results: Results) -> str:
    """What keeps these numbers from meaning more than they do; empty where nothing does."""
    few = {dataset: count for dataset, count in results.test_images.items() if count < FEW_IMAGES}
    one_seed = all(len(result.seeds) == 1 for result in results.results)
    parts = []
    if few:
        counts = ", ".join(f"{count} on {dataset}" for dataset, count in few.items())
        parts.append(f"few test photographs ({counts})")
    if one_seed:
        parts.append("one seed")
    return f"Read small differences with care: {' and '.join(parts)}." if parts else ""


def _answer(results: Results, dataset: str) -> str:
    metric, name = results.recipe.metrics[0], results.label(dataset)
    models = [result for result in results.of(dataset) if result.competes]
    untouched = results.input_of(dataset)
    if not models:
        return f"On {name} no model finished."
    best = models[0]
    gain = best.scores[metric] - untouched.scores[metric]
    if gain <= 0:
        return f"On {name} no model beats the blurred input ({untouched.scores[metric]:.2f} dB).{_oracle(results, dataset)}"
    losers = [result.model for result in models if result.scores[metric] <= untouched.scores[metric]]
    sentence = (
        f"On {name}, {best.model} restores best: {best.scores[metric]:.2f} dB PSNR, "
        f"{gain:.2f} dB above the blurred input{_second(models, metric)}."
    )
    if losers:
        named = " and ".join(filter(None, (", ".join(losers[:-1]), losers[-1])))
        sentence += f" {named} {'does' if len(losers) == 1 else 'do'} worse than doing nothing."
    return sentence + _oracle(results, dataset)


def _oracle(results: Results, dataset: str) -> str:
    best = next((result for result in results.of(dataset) if result.is_oracle), None)
    if best is None:
        return ""
    reach = best.scores[results.recipe.metrics[0]]
    return f" Told the true kernel, which nobody knows of a photograph, {best.model} reaches {reach:.2f} dB."


def _second(models: list[Result], metric: str) -> str:
    if len(models) < 2:
        return ""
    behind = models[0].scores[metric] - models[1].scores[metric]
    return f", {behind:.2f} dB ahead of {models[1].model}" if behind >= LEVEL else f"; {models[1].model} is level with it"
