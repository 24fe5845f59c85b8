"""How far a loss reaches back: its gradient with respect to ever earlier hidden states."""

import torch
from torch import Tensor, nn

from rnnbook.cells import ACTIVATIONS
from rnnbook.feedback import HiddenFeedback


def by_distance(model: HiddenFeedback, rows: Tensor) -> Tensor:
    """Measure the gradient of the last loss on its way back through the hidden states.

    Each step back multiplies it by the recurrent weights and by the activation's slope; products
    of many such factors vanish or explode (Bengio, Simard and Frasconi, 1994).

    Parameters
    ----------
    model : HiddenFeedback
        The network.
    rows : Tensor of int64, shape (batch, time)
        Pieces of text, each read from an empty state. The last column is a target only.

    Returns
    -------
    Tensor, shape (time − 1,)
        At k the length of ∂L_t/∂h_{t−k}, with t the last step, averaged over the rows.
    """
    weights = model.recurrent_weights()
    activation = ACTIVATIONS[model.hyperparameters["activation"]]
    bias = weights["bias_ih_l0"] + weights["bias_hh_l0"]  # (H,)
    h = bias.new_zeros(len(rows), len(bias))  # (B, H)
    states = []
    for x_t in nn.functional.one_hot(rows[:, :-1], model.alphabet_size).unbind(dim=1):
        from_x = x_t.to(bias.dtype) @ weights["weight_ih_l0"].T  # (B, V) → (B, H)
        h = activation(from_x + h @ weights["weight_hh_l0"].T + bias)
        states.append(h)
    loss = nn.functional.cross_entropy(model.head(h), rows[:, -1], reduction="sum")
    gradients = torch.autograd.grad(loss, states)  # T − 1 times (B, H)
    return torch.stack([g.norm(dim=1).mean() for g in reversed(gradients)])


def random_network(activation: str, scale: float, seed: int = 0) -> HiddenFeedback:
    """Return an untrained network of 50 units over 27 symbols whose memory has a given strength.

    Parameters
    ----------
    activation : {"tanh", "relu"}
        The function φ.
    scale : float
        Spectral radius of its recurrent weights: the largest factor by which one step without
        input or activation stretches a state in the long run.
    seed : int
        Decides the weights, up to their scale.
    """
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        model = HiddenFeedback(27, 50, activation=activation)
        recurrent = model.rnn.weight_hh_l0
        recurrent *= scale / torch.linalg.eigvals(recurrent).abs().max()
    return model
