"""Backpropagation through time written out: LSTM and GRU layers for training on a CPU in bfloat16.

``torch.nn.LSTM`` and ``torch.nn.GRU`` remain the reference. This module exists for two reasons,
both measured by ``benchmarks/training.py``: in bfloat16 on CPUs with AMX, PyTorch 2.13's own LSTM
returns wrong gradients at 1,024 units and other round sizes above, and its GRU is slower. Smaller
LSTMs are left to PyTorch, which is right and fast there. Products run in bfloat16; states, gates
and their derivatives are computed in float32. Sequences are time-major here, so that one step is
one block of memory: for the GRU (T, B, ·). The LSTM's streams are columns, (T, ·, B), and its
weights stand on the left of every product, which made large ones a tenth faster and the GRU slower.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable

from rnnbook.cells import State
from rnnbook.dropout import dropout

# The largest LSTM that PyTorch 2.13 is known to train rightly in bfloat16, with room to the first
# that it does not.
TRUSTED_UNITS = 768
PARAMETERS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def applies_to(rnn: nn.RNNBase, x: Tensor) -> bool:
    """Whether `run` is the way to compute these layers: training under autocast on a CPU."""
    large_lstm = isinstance(rnn, nn.LSTM) and rnn.hidden_size > TRUSTED_UNITS
    return (
        (large_lstm or isinstance(rnn, nn.GRU))
        and x.device.type == "cpu"
        and torch.is_grad_enabled()
        and torch.is_autocast_enabled("cpu")
    )


def run(
    rnn: nn.LSTM | nn.GRU,
    weights: Mapping[str, Tensor],
    x: Tensor,
    state: State | None,
    dtype: torch.dtype = torch.bfloat16,
) -> tuple[Tensor, State]:
    """Compute what ``rnn(x, state)`` computes, with given weights and with products in `dtype`.

    Parameters
    ----------
    rnn : nn.LSTM or nn.GRU
        Batch-first layers in one direction, with biases. Their dropout is applied between them.
    weights : mapping
        The layers' parameters by name, or what shall stand in their place.
    x : Tensor, shape (batch, time, input)
        The sequence.
    state : State or None
        As the layers take it: (layers, batch, hidden), for an LSTM a pair of these.
    dtype : torch.dtype
        Type of the operands of every matrix product.

    Returns
    -------
    y : Tensor of `dtype`, shape (batch, time, hidden)
    state : State, float32
    """
    is_lstm = isinstance(rnn, nn.LSTM)
    if state is None:
        zeros = x.new_zeros(rnn.num_layers, len(x), rnn.hidden_size, dtype=torch.float32)
        state = (zeros, zeros) if is_lstm else zeros
    y = x.transpose(0, 1).to(dtype)  # (T, B, I)
    last = []
    with torch.autocast("cpu", enabled=False):
        for number in range(rnn.num_layers):
            layer = [weights[f"{name}_l{number}"] for name in PARAMETERS]
            if number and rnn.training:
                y = dropout(y, rnn.dropout)
            if is_lstm:
                h, c = (part[number].t() for part in state)
                columns, *ends = LSTMThroughTime.apply(y.transpose(1, 2), h, c, *layer)
                y, ends = columns.transpose(1, 2), [end.t() for end in ends]
            else:
                y, *ends = GRUThroughTime.apply(y, state[number], *layer)
            last.append(ends)
    states = tuple(torch.stack(parts) for parts in zip(*last, strict=True))  # each (L, B, H)
    return y.transpose(0, 1), states if is_lstm else states[0]


def _weight_gradient(d_sums: Tensor, reads: Tensor) -> Tensor:
    """Return the gradient of the weights that turned what was read into the sums.

    All steps at once: one long product is far faster than one a step.
    """
    return (d_sums.flatten(0, 1).t() @ reads.flatten(0, 1)).float()  # (blocks·H, I)


def _bias_gradient(d_sums: Tensor) -> Tensor:
    flat = d_sums.flatten(0, 1)  # (T·B, blocks·H)
    ones = flat.new_ones(1, len(flat))  # a product sums faster than sum() does
    return (ones @ flat)[0].float()


class LSTMThroughTime(torch.autograd.Function):
    """One LSTM layer (Hochreiter & Schmidhuber, 1997; Gers et al., 2000) over a whole sequence."""

    @staticmethod
    def forward(
        ctx: FunctionCtx, x: Tensor, h_0: Tensor, c_0: Tensor, *layer: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return y (T, H, B) in x's type, and the last h and c, each (H, B), in float32."""
        time, inputs, batch = x.shape
        size = h_0.shape[0]
        weights = torch.cat(layer[:2], dim=1).to(x.dtype)  # (4H, I + H)
        bias = (layer[2] + layer[3])[:, None]  # (4H, 1)
        # What a step reads, x_t above h_{t-1}: one product serves both.
        reads = x.new_empty(time + 1, inputs + size, batch)
        reads[:time, :inputs] = x
        reads[0, inputs:] = h_0
        gates = x.new_empty(time, 4 * size, batch)
        c = torch.empty(time + 1, size, batch)
        c[0] = c_0
        sums = torch.empty_like(gates[0])
        g = torch.empty(4 * size, batch)
        i, f, n, o = g.chunk(4)  # input, forget, candidate and output gates, (H, B) each
        for t in range(time):
            g.copy_(torch.mm(weights, reads[t], out=sums)).add_(bias)
            g[: 2 * size].sigmoid_(), n.tanh_(), o.sigmoid_()
            gates[t] = g
            torch.mul(f, c[t], out=c[t + 1]).addcmul_(i, n)
            reads[t + 1, inputs:] = torch.tanh(c[t + 1]).mul_(o)
        ctx.save_for_backward(weights, reads, gates, c)
        y = reads[1:, inputs:]
        return y, y[-1].float(), c[time].clone()

    @staticmethod
    @once_differentiable
    def backward(
        ctx: FunctionCtx, d_y: Tensor, d_h: Tensor, d_c: Tensor
    ) -> tuple[Tensor | None, ...]:
        """Walk the steps from the last to the first, carrying the gradients of h and c."""
        weights, reads, gates, c = ctx.saved_tensors
        time, size, batch = d_y.shape
        inputs = reads.shape[1] - size
        d_gates, d_c = torch.empty_like(gates), d_c.clone()
        g, d_g = torch.empty(2, 4 * size, batch)
        i, f, n, o = g.chunk(4)
        d_i, d_f, d_n, d_o = d_g.chunk(4)
        through_sigmoid = torch.ops.aten.sigmoid_backward.grad_input
        through_tanh = torch.ops.aten.tanh_backward.grad_input
        d_x = gates.new_empty(time, inputs, batch) if ctx.needs_input_grad[0] else None
        back = weights.t() if d_x is not None else weights[:, inputs:].t()
        back = back.contiguous()  # (I + H, 4H), or (H, 4H)
        d_reads = gates.new_empty(len(back), batch)
        for t in reversed(range(time)):
            g.copy_(gates[t])
            d_h = d_h + d_y[t]
            tanh_c = torch.tanh(c[t + 1])
            torch.mul(d_h, tanh_c, out=d_o)
            d_c += torch.ops.aten.tanh_backward(d_h * o, tanh_c)
            torch.mul(d_c, n, out=d_i)
            torch.mul(d_c, c[t], out=d_f)
            torch.mul(d_c, i, out=d_n)
            d_c *= f
            through_sigmoid(d_g[: 2 * size], g[: 2 * size], grad_input=d_g[: 2 * size])
            through_tanh(d_n, n, grad_input=d_n)
            through_sigmoid(d_o, o, grad_input=d_o)
            d_gates[t] = d_g
            torch.mm(back, d_gates[t], out=d_reads)
            d_h = d_reads[-size:].float()
            if d_x is not None:
                d_x[t] = d_reads[:inputs]
        # All steps and streams side by side: one long product is far faster than one a step.
        flat = reads[:time].transpose(0, 1).flatten(1)  # (I + H, T·B)
        d_flat = d_gates.transpose(0, 1).flatten(1)  # (4H, T·B)
        d_weights = (d_flat @ flat.t()).float()
        d_bias = (d_flat @ flat.new_ones(flat.shape[1], 1))[:, 0].float()
        return d_x, d_h, d_c, d_weights[:, :inputs], d_weights[:, inputs:], d_bias, d_bias


class GRUThroughTime(torch.autograd.Function):
    """One GRU layer as in ``torch.nn.GRU`` (reset gate after the product) over a sequence."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, h_0: Tensor, *layer: Tensor) -> tuple[Tensor, Tensor]:
        """Return y (T, B, H) in x's type, and the last h (B, H) in float32."""
        time, batch, _ = x.shape
        w_x, w_h, b_x, b_h = (weight.to(x.dtype) for weight in layer)
        size = w_h.shape[1]
        gates = torch.addmm(b_x, x.flatten(0, 1), w_x.t()).view(time, batch, 3 * size)
        h = x.new_empty(time + 1, batch, size)
        from_h = x.new_empty(time, batch, size)  # the candidate's sum of h, before the reset
        h[0] = now = h_0.float()
        sums = torch.empty_like(gates[0])  # (B, 3H)
        g, s = torch.empty(2, batch, 3 * size)
        r, z, n = g.chunk(3, dim=1)  # reset and update gates and candidate, (B, H) each
        for t in range(time):
            s.copy_(torch.addmm(b_h, h[t], w_h.t(), out=sums))
            from_h[t] = sums[:, 2 * size :]
            g.copy_(gates[t])
            g[:, : 2 * size].add_(s[:, : 2 * size]).sigmoid_()
            n.addcmul_(r, s[:, 2 * size :]).tanh_()
            gates[t] = g
            now = torch.lerp(n, now, z)  # (1 − z) n + z h
            h[t + 1] = now
        ctx.save_for_backward(x, w_x, w_h, gates, h, from_h)
        return h[1:], now

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, d_y: Tensor, d_h: Tensor) -> tuple[Tensor | None, ...]:
        """Walk the steps from the last to the first, carrying the gradient of h."""
        x, w_x, w_h, gates, h, from_h = ctx.saved_tensors
        time, batch, size = d_y.shape
        d_from_x, d_from_h = torch.empty_like(gates), torch.empty_like(gates)
        g, d_g = torch.empty(2, batch, 3 * size)
        r, z, n = g.chunk(3, dim=1)
        d_r, d_z, d_n = d_g.chunk(3, dim=1)
        through_sigmoid = torch.ops.aten.sigmoid_backward.grad_input
        for t in reversed(range(time)):
            g.copy_(gates[t])
            d_h = d_h + d_y[t]
            torch.mul(d_h, h[t] - n, out=d_z)
            keep = d_h * z
            torch.ops.aten.tanh_backward.grad_input(d_h - keep, n, grad_input=d_n)
            torch.mul(d_n, from_h[t], out=d_r)
            through_sigmoid(d_g[:, : 2 * size], g[:, : 2 * size], grad_input=d_g[:, : 2 * size])
            d_from_x[t] = d_g
            d_n *= r
            d_from_h[t] = d_g
            d_h = (d_from_h[t] @ w_h).float().add_(keep)
        d_x = None
        if ctx.needs_input_grad[0]:
            d_x = (d_from_x.flatten(0, 1) @ w_x).view_as(x)
        d_w_x, d_w_h = _weight_gradient(d_from_x, x), _weight_gradient(d_from_h, h[:-1])
        return d_x, d_h, d_w_x, d_w_h, _bias_gradient(d_from_x), _bias_gradient(d_from_h)
