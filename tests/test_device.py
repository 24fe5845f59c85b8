"""Precision follows the hardware, and seeds make runs repeat."""

import platform
import subprocess
import sys

import pytest
import torch

from rnnbook import device

BF16_FLAGS = {"avx512_bf16", "amx_bf16"}


def with_capabilities(monkeypatch, **flags):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: flags, raising=False)
    return device.best_dtype(torch.device("cpu"))


def test_a_cpu_multiplies_in_bfloat16_only_if_it_can(monkeypatch):
    assert with_capabilities(monkeypatch, avx2=True) == torch.float32
    assert with_capabilities(monkeypatch, avx512_bf16=False) == torch.float32
    for flag in BF16_FLAGS:
        assert with_capabilities(monkeypatch, **{flag: True}) == torch.bfloat16


def test_an_older_pytorch_that_cannot_say_gets_float32(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert device.best_dtype(torch.device("cpu")) == torch.float32


def test_cuda_comes_before_mps_before_the_cpu(monkeypatch):
    available = {"cuda": False, "mps": False}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available["cuda"])
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: available["mps"])
    assert device.best_device() == torch.device("cpu")
    available["mps"] = True
    assert device.best_device() == torch.device("mps")
    assert device.best_dtype(torch.device("mps")) == torch.float32
    available["cuda"] = True
    assert device.best_device() == torch.device("cuda")


def test_cuda_multiplies_in_bfloat16_only_natively(monkeypatch):
    for native, dtype in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr(
            torch.cuda, "is_bf16_supported", lambda including_emulation, n=native: n
        )
        assert device.best_dtype(torch.device("cuda")) == dtype


def test_a_seed_repeats_both_kinds_of_randomness():
    draws = []
    for _ in range(2):
        generator = device.seed(7)
        draws.append((torch.rand(1).item(), torch.rand(1, generator=generator).item()))
    assert draws[0] == draws[1]


def test_the_description_is_one_line():
    text = device.describe()
    assert "\n" not in text
    assert torch.__version__ in text


# Allocates and fills 64 MiB a few times, and prints how many pages the kernel had to give for it.
FAULTS = """
import resource, sys
import torch
from rnnbook import device

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        torch.ones(2**24)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

torch.set_num_threads(1)
given_back = faults()
device.keep_freed_memory()
for _ in range(5):
    faults()
print(given_back, faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_memory_that_tensors_free_is_used_again():
    finished = subprocess.run(
        [sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True
    )
    given_back, kept = map(int, finished.stdout.split())
    assert kept < given_back / 10


def test_without_glibc_nothing_happens(monkeypatch):
    monkeypatch.setattr(device.ctypes, "CDLL", lambda name: object())
    device.keep_freed_memory()
