"""What each process of `test_two_processes` runs: the recipe of `test_resuming`."""

import argparse
import dataclasses
import json
import os
import signal
import time
from pathlib import Path

import torch
from accelerate import PartialState

from rnnbook.training import fit, is_main_process
from tests.test_resuming import RECIPE, text

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=Path, help="where each process writes what it found")
parser.add_argument("--dropout", type=float, default=0.0)
parser.add_argument("--state", type=Path)
parser.add_argument("--interrupt", action="store_true", help="press Ctrl-C after two readings")
asked = parser.parse_args()


def after_epoch(epochs: int) -> None:
    if asked.interrupt and epochs == 2 and not is_main_process():
        os.kill(os.getppid(), signal.SIGINT)  # torchrun, which tells every process
        time.sleep(2)


recipe = dataclasses.replace(RECIPE, dropout=asked.dropout)
model = recipe.build(6)
history = fit(
    model,
    text(),
    recipe,
    dtype=torch.float32,
    progress=False,
    state=asked.state,
    after_epoch=after_epoch,
)
state = PartialState()
found = dataclasses.asdict(history)
found |= {"processes": state.num_processes, "main": is_main_process()}
found["weights"] = [weights.double().sum().item() for weights in model.state_dict().values()]
asked.folder.mkdir(exist_ok=True)
(asked.folder / f"{state.process_index}.json").write_text(json.dumps(found))
state.destroy_process_group()
