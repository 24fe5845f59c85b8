"""Recurrent cells from their equations, and the two ways to build with them: in time and in depth.

A cell makes one step: ``(x_t, state) -> (y_t, state)``. ``Recurrence`` walks a cell along a
sequence; ``Stacked`` puts such layers on top of each other. Parameters are named, shaped, ordered
and drawn as in ``torch.nn.RNNCell``, ``LSTMCell`` and ``GRUCell``, so weights copy over both ways.
Written to be read; ``torch.nn.LSTM`` and its kin compute the same numbers, compiled.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

State = Tensor | tuple[Tensor, ...]

ACTIVATIONS = {"tanh": torch.tanh, "relu": torch.relu, "identity": lambda sums: sums}


class Cell(nn.Module):
    """What the three cells share: sizes, parameters and a state of zeros to start from.

    Parameters
    ----------
    input_size : int
        Length I of one input vector x_t.
    hidden_size : int
        Length H of the hidden state h_t.
    blocks : int
        How many weighted sums of length H a step needs: 1 (vanilla), 4 (LSTM) or 3 (GRU).
        Their weights are stored one under the other, as torch does.
    """

    def __init__(self, input_size: int, hidden_size: int, blocks: int = 1) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.weight_ih = nn.Parameter(torch.empty(blocks * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(blocks * hidden_size, hidden_size))
        self.bias_ih = nn.Parameter(torch.empty(blocks * hidden_size))
        self.bias_hh = nn.Parameter(torch.empty(blocks * hidden_size))
        for parameter in self.parameters():  # torch's order and range: one seed, equal weights
            nn.init.uniform_(parameter, -(hidden_size**-0.5), hidden_size**-0.5)

    def initial_state(self, batch_size: int) -> State:
        """Return the state before the first step: zeros, shape (B, H)."""
        return self.weight_hh.new_zeros(batch_size, self.hidden_size)

    def sums(self, x_t: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """Return the weighted sums of the input and of the hidden state, each (B, blocks * H)."""
        from_x = nn.functional.linear(x_t, self.weight_ih, self.bias_ih)  # (B, I) → (B, blocks·H)
        from_h = nn.functional.linear(h, self.weight_hh, self.bias_hh)  # (B, H) → (B, blocks·H)
        return from_x, from_h


class VanillaCell(Cell):
    """The simple recurrent unit of Elman (1990): h_t = φ(W_xh x_t + W_hh h_{t-1} + b_h).

    Parameters
    ----------
    input_size, hidden_size : int
        Lengths I and H.
    activation : {"tanh", "relu", "identity"}
        The function φ.

    Raises
    ------
    ValueError
        If the activation is none of the three.
    """

    def __init__(self, input_size: int, hidden_size: int, activation: str = "tanh") -> None:
        if activation not in ACTIVATIONS:
            raise ValueError(f"unknown activation {activation!r}: use one of {list(ACTIVATIONS)}")
        super().__init__(input_size, hidden_size)
        self.activation = activation

    def forward(self, x_t: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Make one step: x_t (B, I), state (B, H) → output (B, H), which is also the new state."""
        from_x, from_h = self.sums(x_t, state)
        h = ACTIVATIONS[self.activation](from_x + from_h)
        return h, h


class LSTMCell(Cell):
    """Long short-term memory (Hochreiter & Schmidhuber 1997) with forget gate (Gers et al. 2000).

    ``LSTMCell(input_size, hidden_size)``. The state is a pair: hidden state h and cell state c,
    both (B, H). Rows of the weights, in torch's order: input gate i, forget gate f, candidate g,
    output gate o.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size, blocks=4)

    def initial_state(self, batch_size: int) -> tuple[Tensor, Tensor]:
        """Return the state before the first step: zeros for h and for c, each (B, H)."""
        h = super().initial_state(batch_size)
        return h, torch.zeros_like(h)

    def forward(
        self, x_t: Tensor, state: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Make one step: x_t (B, I), state (h, c) → output h_t (B, H), state (h_t, c_t)."""
        h, c = state
        from_x, from_h = self.sums(x_t, h)
        i, f, g, o = (from_x + from_h).chunk(4, dim=1)  # (B, 4H) → 4 × (B, H)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, (h, c)


class GRUCell(Cell):
    """Gated recurrent unit (Cho et al. 2014) in torch's variant, reset after the product.

    ``GRUCell(input_size, hidden_size)``. The state is h, (B, H). Rows of the weights, in torch's
    order: reset gate r, update gate z, candidate n. Where z is 1 the old state is kept.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size, blocks=3)

    def forward(self, x_t: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Make one step: x_t (B, I), state (B, H) → output (B, H), which is also the new state."""
        from_x, from_h = self.sums(x_t, state)
        x_r, x_z, x_n = from_x.chunk(3, dim=1)  # (B, 3H) → 3 × (B, H)
        h_r, h_z, h_n = from_h.chunk(3, dim=1)  # (B, 3H) → 3 × (B, H)
        r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
        h = (1 - z) * torch.tanh(x_n + r * h_n) + z * state
        return h, h


class Recurrence(nn.Module):
    """A layer that applies one cell to every step of a sequence, handing the state on.

    Parameters
    ----------
    cell : Cell
        One of this module's cells, or any module with ``forward(x_t, state) -> (y_t, state)``
        and ``initial_state(batch_size)``.
    """

    def __init__(self, cell: nn.Module) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Run the cell along x.

        Parameters
        ----------
        x : Tensor, shape (B, T, I)
            The sequences, at least one step long.
        state : State, optional
            State before the first step; the cell's initial state when not given.

        Returns
        -------
        y : Tensor, shape (B, T, H)
            The cell's output at every step.
        state : State
            State after the last step, shaped as the cell's own.

        Raises
        ------
        ValueError
            If x does not have three dimensions or has no steps.
        """
        if x.dim() != 3 or x.shape[1] == 0:
            raise ValueError(
                f"x must be (batch, time, feature) with time ≥ 1, not {tuple(x.shape)}"
            )
        state = self.cell.initial_state(x.shape[0]) if state is None else state
        outputs = []
        for x_t in x.unbind(dim=1):  # (B, T, I) → T × (B, I)
            y_t, state = self.cell(x_t, state)
            outputs.append(y_t)
        return torch.stack(outputs, dim=1), state  # T × (B, H) → (B, T, H)


class Stacked(nn.Module):
    """Layers on top of each other: every layer reads the output of the one below.

    Parameters
    ----------
    cells : iterable of Cell
        One cell a layer, lowest first, of one kind and one hidden size.
    dropout : float
        Probability of zeroing an output on its way from one layer to the next (training only).
        The input and the top layer's output are left alone.
    trainable_initial_state : bool
        Learn the state before the first step, in ``initial``, instead of starting from zeros.

    Raises
    ------
    ValueError
        If there is no cell, or a layer's input size is not the hidden size below it.
    """

    def __init__(
        self,
        cells: Iterable[nn.Module],
        dropout: float = 0.0,
        trainable_initial_state: bool = False,
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Recurrence(cell) for cell in cells)
        self.dropout = nn.Dropout(dropout)
        sizes = [(layer.cell.input_size, layer.cell.hidden_size) for layer in self.layers]
        if not sizes or any(size != (sizes[0][1], sizes[0][1]) for size in sizes[1:]):
            raise ValueError(f"layers of (input, hidden) sizes {sizes} do not fit on each other")
        self.initial: nn.ParameterList | None = None
        if trainable_initial_state:
            zeros = self.initial_state(1)
            parts = zeros if isinstance(zeros, tuple) else (zeros,)
            self.initial = nn.ParameterList(nn.Parameter(part) for part in parts)

    def initial_state(self, batch_size: int) -> State:
        """Return the state before the first step: (layers, B, H), for an LSTM a pair of them."""
        if self.initial is None:
            return _join([layer.cell.initial_state(batch_size) for layer in self.layers])
        parts = tuple(part.expand(-1, batch_size, -1) for part in self.initial)  # (layers, B, H)
        return parts if len(parts) > 1 else parts[0]

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Run all layers over x (B, T, I); return y (B, T, H) of the top layer and the state.

        The state, given or returned, is (layers, B, H), for an LSTM a pair of them, as in torch.
        """
        state = self.initial_state(x.shape[0]) if state is None else state
        finals = []
        for index, layer in enumerate(self.layers):
            x, final = layer(x if index == 0 else self.dropout(x), _of_layer(state, index))
            finals.append(final)
        return x, _join(finals)


def _of_layer(state: State, index: int) -> State:
    if isinstance(state, tuple):
        return tuple(part[index] for part in state)
    return state[index]  # (layers, B, H) → (B, H)


def _join(states: list[State]) -> State:
    if isinstance(states[0], tuple):
        return tuple(torch.stack(parts) for parts in zip(*states, strict=True))
    return torch.stack(states)  # layers × (B, H) → (layers, B, H)
