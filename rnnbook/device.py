"""Which device and which precision this machine computes best in, and reproducible seeds."""

import ctypes

import torch

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of glibc's malloc.h


def best_device() -> torch.device:
    """Return the fastest device PyTorch can use here: CUDA, then Apple's MPS, then the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def best_dtype(device: torch.device) -> torch.dtype:
    """Return the precision for matrix products on `device`.

    Parameters
    ----------
    device : torch.device
        Where the products will run.

    Returns
    -------
    torch.dtype
        ``torch.bfloat16`` only where the hardware multiplies it natively (recent NVIDIA cards,
        CPUs with AVX512-BF16 or AMX), because emulated bfloat16 is slower than float32.
        ``torch.float32`` everywhere else.
    """
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    elif device.type == "cpu":
        # PyTorch releases without this function cannot say, and then float32 is the safe answer.
        capabilities = getattr(torch.cpu, "get_capabilities", dict)()
        native = bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
    else:
        native = False
    return torch.bfloat16 if native else torch.float32


def seed(number: int) -> torch.Generator:
    """Seed PyTorch's global random state and return a CPU generator with the same seed.

    Layers draw their initial weights from the global state; everything in this package that
    draws takes a seed or a generator.
    """
    torch.manual_seed(number)
    return torch.Generator().manual_seed(number)


def keep_freed_memory() -> None:
    """Let this process keep the memory that tensors free, for the tensors that come next.

    By default glibc hands large blocks back to the kernel at once, which clears every page before
    it returns: up to a fifth of the time of a training step (``benchmarks/README.md``). What was
    used once stays with the process until it ends. Systems without glibc go on as they are.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, -1)  # never


def describe() -> str:
    """Describe the device, its precision and PyTorch's version in one line."""
    device = best_device()
    dtype = str(best_dtype(device)).removeprefix("torch.")
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    return f"{name}, {dtype}, {torch.get_num_threads()} threads, PyTorch {torch.__version__}"
