"""What each process of `test_resuming.test_two_processes_train_what_one_trains` runs."""

import dataclasses
import json
import sys
from pathlib import Path

import torch
from accelerate import PartialState

from rnnbook.training import fit, is_main_process
from tests.test_resuming import RECIPE, text

recipe = dataclasses.replace(RECIPE, dropout=0.0)
model = recipe.build(6)
history = fit(model, text(), recipe, dtype=torch.float32, progress=False)
state = PartialState()
found = dataclasses.asdict(history)
found |= {"processes": state.num_processes, "main": is_main_process()}
Path(sys.argv[1], f"{state.process_index}.json").write_text(json.dumps(found))
state.destroy_process_group()
