"""A `CharRNN` as a function of one character at a time, on the CPU.

PyTorch's layers are made for sequences: asked for single steps they spend much of their time around
the matrix products. Here a step is those products, and a few operations on vectors allocated once.
What remains is mostly the time it takes to read the weights, so narrower weights are faster.
"""

import torch
from torch import Tensor

from rnnbook.models import CharRNN, State


class Stepper:
    """Score every stream's next character, given its last one; the state is kept inside.

    States are (hidden, streams) here, the other way round than in the model. The weights are then
    the left factor of every product, which takes them as they lie in memory, and a gate is a
    contiguous run of rows.

    Parameters
    ----------
    model : CharRNN
        A model on the CPU. Its weights are copied: training it further changes nothing here.
    streams : int
        Texts S stepped side by side.
    dtype : torch.dtype
        Type of the recurrent weights and of the vectors they multiply. Sums, states, gates and
        scores are float32.
    """

    @torch.inference_mode()
    def __init__(
        self, model: CharRNN, *, streams: int = 1, dtype: torch.dtype = torch.float32
    ) -> None:
        rnn = model.rnn
        hidden = rnn.hidden_size
        new_layer = {"vanilla": _Vanilla, "lstm": _LSTM, "gru": _GRU}[model.hyperparameters["cell"]]
        vectors = (
            torch.eye(model.alphabet_size) if model.embedding is None else model.embedding.weight
        )
        # The first layer's product has no more results than there are characters: a table.
        table = vectors.float() @ rnn.weight_ih_l0.float().t()  # (V, I) → (V, G)
        # One stream looks its row up. Several multiply the table by one-hot columns, within the
        # product they need anyway; matrix units read 32 rows at once.
        rows = 0 if streams == 1 else len(table) + -len(table) % 32
        w_x = torch.zeros(table.shape[1], rows)  # (G, rows)
        w_x[:, : len(table)] = table.t()[:, :rows]

        # All that is read: the characters, then the outputs of the layers, lowest first. A layer
        # reads what is below it and its own last output. They lie side by side: one product.
        shape = (rows + rnn.num_layers * hidden, *[streams] * (streams > 1))
        blocks = torch.zeros(shape, dtype=dtype)
        self.one_hot = blocks[:rows]
        self.layers: list[_Layer] = []
        for index in range(rnn.num_layers):
            if index > 0:
                w_x = getattr(rnn, f"weight_ih_l{index}").float()  # (G, H)
            w_h, b_x, b_h = (
                getattr(rnn, f"{name}_l{index}").float()
                for name in ("weight_hh", "bias_ih", "bias_hh")
            )
            end = rows + (index + 1) * hidden
            self.layers.append(
                new_layer(w_x, w_h, b_x, b_h, blocks[end - hidden - w_x.shape[1] : end])
            )
        self.rows = None
        if streams == 1:
            biases = self.layers[0].bias.repeat(len(table), 1)
            biases[:, : table.shape[1]] += table
            self.rows = biases.unbind()
        self.w_y = model.head.weight.float().clone()  # (V, H)
        self.b_y = _beside(model.head.bias.float(), blocks)

    @torch.inference_mode()
    def load(self, state: State) -> None:
        """Go on from a state that the model returned, one for each stream or one for all."""
        parts = state if isinstance(state, tuple) else (state,)
        for index, layer in enumerate(self.layers):
            for own, part in zip(layer.state, parts, strict=True):
                own.view(len(own), -1).copy_(part[index].t())  # (B, H) → (H, S)
            layer.output.copy_(layer.h)

    @torch.inference_mode()
    def __call__(self, tokens: Tensor) -> Tensor:
        """Read one character of each stream, shape (S,); return scores of the next, (S, V)."""
        if self.rows is not None:
            self.layers[0].bias = self.rows[tokens.item()]
        else:
            self.one_hot.zero_().scatter_(0, tokens[None], 1)
        for layer in self.layers:
            layer.step()
            layer.output.copy_(layer.h)
        weigh = torch.addmv if self.rows is not None else torch.addmm
        scores = weigh(self.b_y, self.w_y, self.layers[-1].h)  # (V,) or (V, S)
        return scores.view(len(scores), -1).t()  # (S, V)


def _beside(bias: Tensor, vectors: Tensor) -> Tensor:
    """Copy a bias (G,) in the shape to add it to vectors (G,) or (G, S)."""
    return bias.clone() if vectors.dim() == 1 else bias[:, None].clone()


class _Layer:
    """One layer's weights and state, and the vectors that each step overwrites.

    `reads` is the layer's input above its own last output, in the weights' type. Vectors are
    (rows,) for one stream and (rows, S) for several.
    """

    def __init__(self, w_x: Tensor, w_h: Tensor, b_x: Tensor, b_h: Tensor, reads: Tensor) -> None:
        self.h = torch.zeros(w_h.shape[1], *reads.shape[1:])
        self.state = (self.h,)
        self.output = reads[w_x.shape[1] :]
        factors, bias = self.arrange(w_x, w_h, b_x, b_h, reads)
        self.bias = _beside(bias, reads)
        self.products = torch.zeros(len(bias), *reads.shape[1:], dtype=reads.dtype)
        self.sums = torch.zeros_like(self.products, dtype=torch.float32)
        parts = self.products.split([len(weight) for weight, _ in factors])
        self.factors = [
            (weight.to(reads.dtype, copy=True), v, out)
            for (weight, v), out in zip(factors, parts, strict=True)
            if len(v)
        ]
        self.multiply = torch.mv if reads.dim() == 1 else torch.mm

    def arrange(
        self, w_x: Tensor, w_h: Tensor, b_x: Tensor, b_h: Tensor, reads: Tensor
    ) -> tuple[list[tuple[Tensor, Tensor]], Tensor]:
        """Return what to multiply by what, and what to add to the products."""
        return [(torch.cat([w_x, w_h], dim=1), reads)], b_x + b_h

    def sum(self) -> None:
        for weight, v, out in self.factors:
            self.multiply(weight, v, out=out)
        self.sums.copy_(self.products).add_(self.bias)

    def step(self) -> None:
        """Replace the state by the next: what `forward` is in `rnnbook.cells`."""
        raise NotImplementedError


class _Vanilla(_Layer):
    def step(self) -> None:
        self.sum()
        torch.tanh(self.sums, out=self.h)


class _LSTM(_Layer):
    def __init__(self, *weights: Tensor) -> None:
        super().__init__(*weights)
        self.c = torch.zeros_like(self.h)
        self.state = (self.h, self.c)
        self.i_f = self.sums[: 2 * len(self.h)]
        self.i, self.f, self.g, self.o = self.sums.chunk(4)

    def step(self) -> None:
        self.sum()
        self.i_f.sigmoid_()
        self.c.mul_(self.f).addcmul_(self.i, self.g.tanh_())
        torch.mul(self.o.sigmoid_(), torch.tanh(self.c, out=self.g), out=self.h)


class _GRU(_Layer):
    def __init__(self, *weights: Tensor) -> None:
        super().__init__(*weights)
        from_x, from_h = self.sums.chunk(2)  # (6H,) → 2 × (3H,)
        self.x_r_z, self.n = from_x.split([2 * len(self.h), len(self.h)])
        self.r_z, self.h_n = from_h.split([2 * len(self.h), len(self.h)])
        self.r, self.z = self.r_z.chunk(2)

    def arrange(
        self, w_x: Tensor, w_h: Tensor, b_x: Tensor, b_h: Tensor, reads: Tensor
    ) -> tuple[list[tuple[Tensor, Tensor]], Tensor]:
        """Keep the two products apart: the reset gate weighs what comes from the state alone."""
        return [(w_x, reads[: w_x.shape[1]]), (w_h, self.output)], torch.cat([b_x, b_h])

    def step(self) -> None:
        self.sum()
        self.r_z.add_(self.x_r_z).sigmoid_()
        self.n.addcmul_(self.r, self.h_n).tanh_()
        torch.lerp(self.n, self.h, self.z, out=self.h)
