"""One trial on several devices: each process takes an equal share of every batch, and all take the same steps.

torchrun starts the processes, DistributedDataParallel averages their gradients, and batch normalisation is over the
whole batch; losses are one value per image, so that the average over equal shares is the average over the batch. Only
the first process shows, saves and writes. In a process on its own, all of this does nothing.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, distributed, nn

from loss_study.data.batches import Batch, Target
from loss_study.runtime.errors import StudyError
from loss_study.runtime.processes import bound
from loss_study.training.loop import Phase

T = TypeVar("T")
LOOPBACK = "127.0.0.1"
#: In the environment of processes that `in_processes` started: the file through which they find each other.
STORE = "LOSS_STUDY_STORE"
#: A store over TCP listens on all interfaces, and torchrun unpickles what it finds there: none is opened. What gloo
#: opens is on the loopback interface.
_ON_THIS_MACHINE = {
    "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1",
    "GLOO_SOCKET_IFNAME": "lo" if sys.platform == "linux" else "lo0",
}


def in_processes(devices: int, work: Callable[[], None]) -> None:
    """Do `work` on `devices` devices: here, if that is one, else in as many processes with this one's command line.

    The new processes reach this same call, find that torchrun has started them, and do their share. So does a process
    that a user's own ``torchrun`` started, whatever `devices` says.

    Raises:
        StudyError: there are too few GPUs, or a process failed; the others have been ended.
    """
    if distributed.is_torchelastic_launched():
        with _group():
            work()
    elif devices == 1:
        work()
    else:
        _launch(devices)


def size() -> int:
    """Return the number of processes that train together."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def is_first() -> bool:
    """Whether this process is the one that shows, saves and writes."""
    return not distributed.is_initialized() or distributed.get_rank() == 0


class _NoCheckpoint:
    """The checkpoint of a process that is not the first."""

    def load(self) -> None:
        """Return nothing: all processes take the first one's checkpoint."""

    def save(self, state: dict[str, Any]) -> None:
        """Save nothing."""

    save_now = save


#: What a process that is not the first gives the training loop for its checkpoint and its listeners.
UNHEARD: dict[str, Any] = {"checkpoint": _NoCheckpoint(), "on_step": lambda *_: None, "on_epoch": lambda _: None}


def shared(phase: Phase) -> Phase:
    """Return `phase` for a process that trains together with others; on its own, `phase` itself.

    Raises:
        StudyError: when it is trained, a batch that does not divide into equal shares.
    """
    if size() == 1:
        return phase
    return replace(
        phase,
        network=data_parallel(phase.network),
        batches=lambda epoch: share(phase.batches(epoch)),
        validate=lambda: from_first(phase.validate),
        totals=_totals,
    )


def _totals(losses: Tensor, images: int) -> tuple[list[float], int]:
    """Return the sums of the losses and the number of images over all processes."""
    distributed.all_reduce(losses)
    return losses.reshape(-1).tolist(), images * size()


def data_parallel(model: nn.Module) -> nn.Module:
    """Return what to call in training instead of `model`; its batch normalisations are changed in place."""
    if size() == 1:
        return model
    if next(model.parameters()).device.type == "cuda":
        nn.SyncBatchNorm.convert_sync_batchnorm(model)
    else:
        for module in model.modules():
            if type(module) is nn.BatchNorm2d:
                # Parameters and buffers stay the same objects, which the optimiser holds already.
                module.__class__ = SynchronisedBatchNorm2d
    # Buffers are the same in all processes, because the batch normalisations are.
    return nn.parallel.DistributedDataParallel(model, broadcast_buffers=False)


def share(batches: Iterator[Batch]) -> Iterator[Batch]:
    """Yield this process's images of each batch: all processes draw the same batches and changes, and divide them.

    Raises:
        StudyError: a batch does not divide into equal shares.
    """
    if size() == 1:
        yield from batches
        return
    for batch in batches:
        images, processes = len(batch), size()
        if images % processes:
            raise StudyError(
                f"recipe.batch_size: {images} images do not divide among {processes} devices; choose a multiple"
            )
        own = slice(*(images // processes * (_rank() + end) for end in (0, 1)))
        of_heads = batch.targets.items()
        targets = {
            head: Target(values[own], None if valid is None else valid[own]) for head, (values, valid) in of_heads
        }
        yield Batch(batch.inputs[own], targets)


def from_first(make: Callable[..., T], *arguments: Any) -> T:
    """Return what ``make(*arguments)`` returns in the first process; it is called there only."""
    values = [make(*arguments) if is_first() else None]
    if size() > 1:
        distributed.broadcast_object_list(values)
    return cast("T", values[0])


class SynchronisedBatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation over the batches of all processes, (N, C, H, W) to the same, equal N in all of them.

    The same as ``nn.SyncBatchNorm``, which torch has for GPUs only.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return `x` normalised by the statistics of the whole batch, or in evaluation by the running ones."""
        if not self.training:
            return super().forward(x)
        precise = x if x.dtype == torch.float64 else x.float()
        count = precise.numel() // precise.shape[1] * size()
        mean = _Sum.apply(precise.sum((0, 2, 3))) / count
        centred = precise - mean.view(1, -1, 1, 1)
        variance = _Sum.apply(centred.square().sum((0, 2, 3))) / count
        self._remember(mean.detach(), variance.detach() * count / (count - 1))
        scale = self.weight * (variance + self.eps).rsqrt()
        return (centred * scale.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)).to(x.dtype)

    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        momentum, count = self.momentum, self.num_batches_tracked
        running_mean, running_variance = self.running_mean, self.running_var
        assert momentum is not None and count is not None and running_mean is not None and running_variance is not None
        count += 1
        running_mean.lerp_(mean.to(running_mean.dtype), momentum)
        running_variance.lerp_(variance.to(running_variance.dtype), momentum)


class _Sum(torch.autograd.Function):
    """The sum of a tensor over all processes; its gradient is the sum of theirs."""

    @staticmethod
    def forward(_context: torch.autograd.function.FunctionCtx, x: Tensor) -> Tensor:
        distributed.all_reduce(total := x.clone())
        return total

    @staticmethod
    def backward(_context: torch.autograd.function.FunctionCtx, gradient: Tensor) -> Tensor:
        distributed.all_reduce(total := gradient.clone())
        return total


@contextmanager
def _group() -> Iterator[None]:
    """Join the processes that torchrun started."""
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo", **_found_by())
    if not is_first():
        # The first process says for all that they were interrupted.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, distributed.DistError) and "gloo" not in str(error):
            raise
        raise StudyError("a process that trains together with this one has ended") from None
    finally:
        distributed.destroy_process_group()


def _found_by() -> dict[str, Any]:
    """Return how the processes find each other: by a file, or by the address that a user's own torchrun has set."""
    if STORE not in os.environ:
        return {}
    rank, count = (int(os.environ[name]) for name in ("RANK", "WORLD_SIZE"))
    return {"store": distributed.FileStore(os.environ[STORE], count), "rank": rank, "world_size": count}


def _launch(devices: int) -> None:
    # Only this user may enter the folder.
    with tempfile.TemporaryDirectory(prefix="loss-study-") as folder:
        os.environ |= {**_ON_THIS_MACHINE, STORE: f"{folder}/trial"}
        try:
            _launch_by(f"{folder}/rendezvous", devices)
        finally:
            for name in (*_ON_THIS_MACHINE, STORE):
                del os.environ[name]


def _launch_by(file: str, devices: int) -> None:
    from torch.distributed.elastic.multiprocessing import SignalException  # noqa: PLC0415 -- takes a second
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError  # noqa: PLC0415
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch  # noqa: PLC0415

    _check_devices(devices)
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=devices,
        run_id="trial",
        rdzv_backend="c10d",
        rdzv_endpoint=file,
        rdzv_configs={"store_type": "file"},
        local_addr=LOOPBACK,
        max_restarts=0,
    )
    program, *arguments = bound([sys.executable, *_command_line()])
    try:
        elastic_launch(config, program)(*arguments)
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        raise StudyError(
            f"process {rank} of the {devices} that train together ended with exit code {failure.exitcode}; "
            "'dvc repro' resumes the training"
        ) from None
    except SignalException:
        raise KeyboardInterrupt from None


def _command_line() -> list[str]:
    """Return this process's script and arguments; of ``python -m loss_study`` not the script.

    Its folder would come first on the path, and in it is a `statistics` that is not Python's.
    """
    script, *arguments = sys.argv
    return ["-m", "loss_study", *arguments] if Path(script).name == "__main__.py" else sys.argv


def _check_devices(devices: int) -> None:
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if gpus and gpus < devices:
        raise StudyError(f"recipe.devices: {devices}, and this machine has {gpus} GPUs; lower it")
    if torch.backends.mps.is_available():
        raise StudyError("recipe.devices: this machine has one GPU; set it to 1")


def _rank() -> int:
    return distributed.get_rank() if distributed.is_initialized() else 0
