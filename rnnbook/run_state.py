"""A training run as it stands between two steps, and the file that lets it go on another day.

The file holds all that decides the rest of the run: weights, optimizer, random states, carried
hidden states and the place in the text. It is for the machine that trains; readers load models
from `checkpoints`, which cannot run code. This one is read with ``weights_only=True`` all the same.
"""

import copy
import dataclasses
import json
import shutil
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from accelerate import PartialState
from accelerate.utils import gather_object
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel

from rnnbook.cells import State
from rnnbook.checkpoints import replacing
from rnnbook.recipe import Recipe


class StateFileError(RuntimeError):
    """The file of a run cannot be written or read, or is that of another run."""


@dataclass
class History:
    """What a training run measured, one entry an evaluation.

    Attributes
    ----------
    characters : list of int
        Characters trained on so far.
    train_nats : list of float
        Mean loss of the batches since the last evaluation, with dropout on.
    held_out_nats : list of float
        Loss by `training.evaluate`.
    seconds : list of float
        Wall time of the training steps so far, evaluations left out.
    stopped : {"finished", "early stop", "interrupted"}
        Why the run ended.
    """

    characters: list[int] = field(default_factory=list)
    train_nats: list[float] = field(default_factory=list)
    held_out_nats: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    stopped: str = "finished"

    @property
    def best_nats(self) -> float:
        """Lowest held-out loss, which the returned weights have."""
        return min(self.held_out_nats)

    @property
    def evaluations_since_best(self) -> int:
        """How long ago the best evaluation was."""
        return len(self.held_out_nats) - 1 - self.held_out_nats.index(self.best_nats)


@dataclass
class Progress:
    """How far a run has come.

    Attributes
    ----------
    steps, characters : int
        Updates made, and characters trained on.
    seconds : float
        Wall time of the steps.
    loss_sum, loss_characters
        Sum of the losses since the last evaluation, and over how many characters.
    hidden : State or None
        The state carried into the next batch.
    history : History
        What was measured.
    best_weights : mapping
        Weights at the best evaluation.
    """

    steps: int = 0
    characters: int = 0
    seconds: float = 0.0
    loss_sum: float = 0.0
    loss_characters: int = 0
    hidden: State | None = None
    history: History = field(default_factory=History)
    best_weights: Mapping[str, Tensor] = field(default_factory=dict)

    def stepped(self, characters: int, nats: float, seconds: float) -> None:
        """Count one update."""
        self.steps += 1
        self.characters += characters
        self.seconds += seconds
        self.loss_sum += nats * characters
        self.loss_characters += characters

    def measured(self, held_out_nats: float, model: nn.Module) -> None:
        """Enter an evaluation into the history, and keep the model's weights if it is the best."""
        self.history.characters.append(self.characters)
        self.history.train_nats.append(self.loss_sum / self.loss_characters)
        self.history.held_out_nats.append(held_out_nats)
        self.history.seconds.append(self.seconds)
        self.loss_sum, self.loss_characters = 0.0, 0
        if self.history.evaluations_since_best == 0:
            self.best_weights = copy.deepcopy(model.state_dict())


class StateFile:
    """The file one run is saved to, replaced as a whole each time.

    Parameters
    ----------
    path : Path
        Where it is; its folder is made if there is none.
    recipe : Recipe
        The run's recipe.
    tokens : Tensor of int64, shape (n,)
        The text it trains on. A run goes on only with the same recipe and the same text.
    """

    def __init__(self, path: Path, recipe: Recipe, tokens: Tensor) -> None:
        self.path = path
        # Through JSON, so that what is compared is what was stored.
        self._run = {
            "recipe": json.dumps(dataclasses.asdict(recipe), sort_keys=True),
            "text": zlib.crc32(tokens.numpy()),
            "processes": PartialState().num_processes,
        }

    def check_room(self, model: nn.Module) -> None:
        """Raise StateFileError if the folder cannot hold two states of this model at once."""
        folder = self.path.parent
        # A state holds weights, best weights, the optimizer's two moments, perhaps running means.
        needed = 2 * 5 * sum(p.numel() * p.element_size() for p in model.parameters())
        try:
            folder.mkdir(parents=True, exist_ok=True)
            free = shutil.disk_usage(folder).free
        except OSError as error:
            raise StateFileError(f"cannot write to {folder}: {error}") from error
        if free < needed:
            raise StateFileError(
                f"{folder} has {free / 1e6:.0f} MB free and this run needs {needed / 1e6:.0f}; "
                "make room, or choose a folder on another disk"
            )

    def save(
        self,
        model: nn.Module,
        optimizer: Optimizer,
        progress: Progress,
        mean: AveragedModel | None = None,
    ) -> None:
        """Write the run as it stands; every process calls this, and the main one writes.

        Raises
        ------
        StateFileError
            If it cannot be written. What was saved before is still there.
        """
        hidden = progress.hidden
        mine = {
            "hidden": hidden if hidden is None or isinstance(hidden, tuple) else (hidden,),
            "random": torch.get_rng_state(),
            "random_cuda": torch.cuda.get_rng_state() if torch.cuda.is_available() else None,
        }
        ranks = gather_object([mine])
        if not PartialState().is_main_process:
            return
        kept = {f.name: getattr(progress, f.name) for f in dataclasses.fields(progress)}
        kept |= {"hidden": None, "history": dataclasses.asdict(progress.history)}
        state = self._run | {
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "mean": mean.state_dict() if mean else None,
            "progress": kept,
            "ranks": ranks,
        }
        try:
            with replacing(self.path) as unfinished:
                torch.save(state, unfinished)
        except (OSError, RuntimeError) as error:
            raise StateFileError(f"cannot save the run to {self.path}: {error}") from error

    def load(
        self, model: nn.Module, optimizer: Optimizer, mean: AveragedModel | None = None
    ) -> Progress:
        """Put a saved run back into the model, the optimizer and the random states.

        Raises
        ------
        StateFileError
            If the file is damaged, or was written by a run with another recipe, text or number
            of processes; the message says which.
        """
        device = next(model.parameters()).device
        try:
            state = torch.load(self.path, map_location="cpu", weights_only=True)
            # A run that began before a field was added to recipes has the field's default.
            defaults = dataclasses.asdict(Recipe(corpus="", characters=0))
            state["recipe"] = json.dumps(defaults | json.loads(state["recipe"]), sort_keys=True)
            for what, mine in self._run.items():
                if state[what] != mine:
                    raise StateFileError(
                        f"{self.path} belongs to a run with another {what} "
                        f"({state[what]}, here {mine}); go on with that one, or delete the file"
                    )
            model.load_state_dict(state["model"])
            optimizer.load_state_dict(state["optimizer"])
            if mean:
                mean.load_state_dict(state["mean"])
            mine = state["ranks"][PartialState().process_index]
            progress = Progress(**state["progress"])
            progress.history = History(**state["progress"]["history"])
        except StateFileError:
            raise
        except Exception as error:  # a damaged file can fail in any way inside PyTorch
            raise StateFileError(
                f"{self.path} is damaged ({error!r}); delete it and start again"
            ) from error
        if mine["hidden"] is not None:
            hidden = tuple(part.to(device) for part in mine["hidden"])
            progress.hidden = hidden if len(hidden) > 1 else hidden[0]
        torch.set_rng_state(mine["random"])
        if mine["random_cuda"] is not None and torch.cuda.is_available():
            torch.cuda.set_rng_state(mine["random_cuda"])
        return progress
