"""Everything that is checked and decoded before work begins."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from accelerate import Accelerator

from deblurbench.benchmark.work import Equipment
from deblurbench.data.cache import PixelCache
from deblurbench.data.dataset import open_dataset
from deblurbench.data.downloads import is_downloadable
from deblurbench.data.layouts.base import layout_called
from deblurbench.data.prepared import PreparedDataset
from deblurbench.environment import describe_device, describe_environment
from deblurbench.errors import UsageError
from deblurbench.experiment.experiment import Experiment
from deblurbench.registry import Spec
from deblurbench.scoring.test_set import require_scorable
from deblurbench.training.precision import require_compiler
from deblurbench.training.processes import require_divisible_batches

PROBLEMS_SAID = 10
ON_DEMAND = (
    "are not in the cache, which is full or off: they are decoded whenever they are needed, which is slower "
    "(--cache-gigabytes allows more, deblurbench data clear-cache makes room)"
)


@dataclass(frozen=True)
class Host:
    """Where work is done: the device and its processes, the cache, and `say`, which takes each line for a person."""

    accelerator: Accelerator
    cache: PixelCache
    say: Callable[[str], None]
    workers: int = 0  # processes that prepare batches

    @property
    def is_main(self) -> bool:
        """Whether this is the first of the processes that train together, the only one to write and to say anything."""
        return bool(self.accelerator.is_main_process)

    def tell(self, line: str) -> None:
        """Say `line`, once for all processes."""
        if self.is_main:
            self.say(line)


def prepare(experiment: Experiment, names: Iterable[str], host: Host) -> Equipment:
    """Decode the data sets called `names`, and tell what is wrong with them.

    Raises UsageError where one cannot be used.
    """
    _require_data({name: experiment.datasets[name] for name in names})
    environment = describe_environment(host.accelerator.device, host.accelerator.num_processes)
    datasets: dict[str, PreparedDataset] = {}
    with host.accelerator.main_process_first():  # the others find the cache filled
        for name in names:
            dataset = open_dataset(name, host.cache, **experiment.datasets[name])
            datasets[name] = dataset.prepare(show_progress=host.is_main)
    if host.cache.write_error:
        host.tell(host.cache.write_error)
    for images in datasets.values():
        _tell_about(images, host)
        require_scorable(images, experiment.recipe)
    return Equipment(datasets, experiment.recipe, host.accelerator, environment, host.workers)


def tell_device(equipment: Equipment, host: Host) -> None:
    """Tell on which device the work begins, once all that may be refused was checked."""
    host.tell(f"on {describe_device(equipment.environment)}")


def require_trainable(experiment: Experiment, host: Host) -> None:
    """Raise UsageError where a model of `experiment` cannot be trained on this host."""
    for entry in experiment.models.values():
        for each in (entry, *entry.candidates.values()):
            require_divisible_batches(each.training, host.accelerator.num_processes)
            if each.is_trained:
                require_compiler(each.training, host.accelerator.device)


def require_known_kernels(experiment: Experiment, datasets: dict[str, PreparedDataset]) -> None:
    """Raise UsageError where an oracle would run on photographs whose blur kernels are unknown."""
    oracles = [name for name, entry in experiment.models.items() if entry.is_oracle]
    unknown = [name for name, images in datasets.items() if images.pairs != "synthetic"]
    if oracles and unknown:
        raise UsageError(
            f"models.{oracles[0]}: is an oracle, which needs the true kernel, and data set '{unknown[0]}' was not blurred "
            "by us; give it a guessed_sigma, or leave one of them out"
        )
    varying = [name for name, images in datasets.items() if images.degradation and not images.degradation.blur.has_kernel]
    if oracles and varying:
        raise UsageError(
            f"models.{oracles[0]}: is an oracle, which needs the true kernel, and the blur of data set '{varying[0]}' varies "
            "over the picture; leave one of them out"
        )


def _require_data(datasets: dict[str, Spec]) -> None:
    """Raise UsageError where the folder of a data set is not there, with the overrides that say where it is."""
    folders = {name: _own_layout(spec["layout"], "layout") for name, spec in datasets.items()}
    missing = {
        name: (key, layout)
        for name, (key, layout) in folders.items()
        if layout.get("path") is not None and not _exists(layout["path"])
    }
    if not missing:
        return
    first, (_, own) = next(iter(missing.items()))
    layout = own["name"]
    if is_downloadable(layout):
        remedy = f"run deblurbench data get {layout}"
    else:
        url = layout_called(layout).origin.url
        remedy = f"get it from {url}" if url else "put your images there"
    overrides = " ".join(f"datasets.{name}.{key}.path=DIR" for name, (key, _) in missing.items())
    raise UsageError(
        f"datasets.{first}: {own['path']}: there is no such folder; {remedy}, or say where it is, after the experiment: "
        f"{overrides}"
    )


def _own_layout(layout: Spec, key: str) -> tuple[str, Spec]:
    """The layout of the images that are tested, within one that joins others to it, and its key."""
    return _own_layout(layout["layout"], f"{key}.layout") if "layout" in layout else (key, layout)


def _exists(path: str) -> bool:
    try:
        Path(path).expanduser().stat()
    except OSError as error:
        return not isinstance(error, FileNotFoundError)  # anything else is said when it is read
    return True


def _tell_about(images: PreparedDataset, host: Host) -> None:
    """Tell what was left out of a data set, and what to know of its numbers."""
    if images.problems:
        host.tell(f"left out of {images.name}: {len(images.problems)} (all are named in the report)")
    for problem in images.problems[:PROBLEMS_SAID]:
        host.tell(f"  {problem}")
    for note in images.notes:
        host.tell(f"{images.name}: {note}")
    missing, count = images.uncached
    if missing:
        host.tell(f"{images.name}: {missing} of {count} images {ON_DEMAND}")
