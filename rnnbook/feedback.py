"""The two vanilla architectures of chapter 5: feed the hidden state back, or feed the output back.

Both read one-hot characters and compute in float32 whatever the precision around them: layers this
small only lose by half precision, in speed and in accuracy.
"""

import copy

import torch
from torch import Tensor, nn

from rnnbook.cells import ACTIVATIONS

FEEDBACKS = ("distribution", "sampled", "argmax")


class HiddenFeedback(nn.Module):
    """Arch 1: the hidden state goes back into the network (Elman, 1990).

    One step, with x_t the one-hot character and φ the activation, in two forms::

        a_t = W_xh x_t + b_x        r_t = W_hh h_{t-1} + b_h

        sum       h_t = φ(a_t + r_t)
        concat    h_t = φ(W_c [a_t ; r_t] + b_c)         W_c is (H, 2H)

        scores_t = W_hy h_t + b_y

    "sum" is ``torch.nn.RNN``. In "concat" a matrix mixes the two parts, laid end to end: the form
    for which the tutorial's argument holds, that W_c = [I I] gives back the sum. But nothing bends
    the parts before W_c, so each "concat" is also a "sum", of weights W_c1 W_xh and W_c2 W_hh
    (`as_sum`). Both forms are the same functions of a text, and differ in how they are trained.
    W_c starts as [I I]: from one seed both forms start as the same function.

    Parameters
    ----------
    alphabet_size : int
        Number of symbols V.
    hidden_size : int
        Units H.
    combine : {"sum", "concat"}
        How the input's part and the state's part become one.
    activation : {"tanh", "relu"}
        The function φ.

    Raises
    ------
    ValueError
        If `combine` or `activation` is none of these.
    """

    def __init__(
        self,
        alphabet_size: int,
        hidden_size: int,
        combine: str = "sum",
        activation: str = "tanh",
    ) -> None:
        _check("combine", combine, ("sum", "concat"))
        _check("activation", activation, ("tanh", "relu"))
        super().__init__()
        self.hyperparameters = {
            "alphabet_size": alphabet_size,
            "hidden_size": hidden_size,
            "combine": combine,
            "activation": activation,
        }
        self.alphabet_size = alphabet_size
        self.rnn = nn.RNN(alphabet_size, hidden_size, nonlinearity=activation, batch_first=True)
        self.head = nn.Linear(hidden_size, alphabet_size)
        self.joint: nn.Linear | None = None
        if combine == "concat":
            self.joint = nn.Linear(2 * hidden_size, hidden_size)
            with torch.no_grad():
                self.joint.weight.copy_(torch.eye(hidden_size).repeat(1, 2))
                self.joint.bias.zero_()

    def recurrent_weights(self) -> dict[str, Tensor]:
        """Return the weights of the ``torch.nn.RNN`` that computes the states, by their names.

        Any step of the form h_t = φ(W x_t + U h_{t-1} + b) can run on PyTorch's compiled loop; for
        "concat" W, U and b are computed from the parameters, and gradients flow through that.
        """
        own = dict(self.rnn.named_parameters())
        if self.joint is None:
            return own
        from_x, from_h = self.joint.weight.chunk(2, dim=1)  # (H, 2H) → 2 × (H, H)
        return {
            "weight_ih_l0": from_x @ own["weight_ih_l0"],  # (H, V)
            "weight_hh_l0": from_h @ own["weight_hh_l0"],  # (H, H)
            "bias_ih_l0": from_x @ own["bias_ih_l0"] + self.joint.bias,  # (H,)
            "bias_hh_l0": from_h @ own["bias_hh_l0"],  # (H,)
        }

    @torch.no_grad()
    def as_sum(self) -> "HiddenFeedback":
        """Return a model that sums and computes what this one computes; its weights are copies."""
        model = HiddenFeedback(**(self.hyperparameters | {"combine": "sum"}))
        model.rnn.load_state_dict(self.recurrent_weights())
        model.head.load_state_dict(self.head.state_dict())
        return model.to(self.head.weight.device).train(self.training)

    def forward(self, tokens: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Score every next character.

        Parameters
        ----------
        tokens : Tensor of int64, shape (batch, time)
            Indices into the alphabet.
        state : Tensor or None
            What an earlier call returned, to go on from there; None starts from zeros.

        Returns
        -------
        logits : Tensor, shape (batch, time, alphabet_size)
        state : Tensor, shape (1, batch, hidden)
            The last hidden state.
        """
        with torch.autocast(tokens.device.type, enabled=False):
            x = nn.functional.one_hot(tokens, self.alphabet_size).float()  # (B, T, V)
            y, state = torch.func.functional_call(self.rnn, self.recurrent_weights(), (x, state))
            return self.head(y), state  # (B, T, V), (1, B, H)


class OutputFeedback(nn.Module):
    """Arch 2: the previous output goes back into the network (Jordan, 1986).

    One step, with x_t the one-hot character, φ the activation and o_{t-1} what is fed back::

        h_t = φ(W_xh x_t + W_oh o_{t-1} + b_h)
        scores_t = W_hy h_t + b_y
        p_t = softmax(scores_t)

    **Teacher forcing** (Williams and Zipser, 1989) is how the model is trained, and how it scores
    unless told otherwise: o_{t-1} is what the previous output ought to have been, the target of
    step t − 1. That target is x_t. The model sees the current character twice and nothing else, so
    all it can learn is a table of V × V: letter pairs.

    **Running free** (`free_running`), o_{t-1} is made of the model's own p_{t-1}, by `feedback`:

    - "distribution": p_{t-1} itself, soft where training only knew one-hot vectors;
    - "argmax": the one-hot vector of its most likely character, whatever x_t turned out to be;
    - "sampled": the one-hot vector of the character drawn from it. Who draws a character feeds it
      in as the next, so this is x_t again, and the model writes just as it was trained.

    Parameters
    ----------
    alphabet_size : int
        Number of symbols V.
    hidden_size : int
        Units H.
    activation : {"tanh", "relu"}
        The function φ.
    feedback : {"distribution", "sampled", "argmax"}
        What is fed back when the model runs free. Training does not depend on it.

    Raises
    ------
    ValueError
        If `activation` or `feedback` is none of these.
    """

    def __init__(
        self,
        alphabet_size: int,
        hidden_size: int,
        activation: str = "tanh",
        feedback: str = "distribution",
    ) -> None:
        _check("activation", activation, ("tanh", "relu"))
        _check("feedback", feedback, FEEDBACKS)
        super().__init__()
        self.hyperparameters = {
            "alphabet_size": alphabet_size,
            "hidden_size": hidden_size,
            "activation": activation,
            "feedback": feedback,
        }
        self.alphabet_size = alphabet_size
        self.runs_free = False
        self.from_input = nn.Linear(alphabet_size, hidden_size)
        self.from_output = nn.Linear(alphabet_size, hidden_size, bias=False)
        self.head = nn.Linear(hidden_size, alphabet_size)

    def free_running(self, feedback: str | None = None) -> "OutputFeedback":
        """Return this model, sharing its weights, but fed with its own outputs.

        Measure it with `training.evaluate` or write with it; `sampling.Sampler` lets every model
        of this class run free.

        Parameters
        ----------
        feedback : {"distribution", "sampled", "argmax"}, optional
            What to feed back, if not what the model names.

        Raises
        ------
        ValueError
            If `feedback` is none of these.
        """
        feedback = feedback or self.hyperparameters["feedback"]
        _check("feedback", feedback, FEEDBACKS)
        model = copy.copy(self)
        model.hyperparameters = self.hyperparameters | {"feedback": feedback}
        model.runs_free = True
        return model

    def forward(self, tokens: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Score every next character.

        Parameters
        ----------
        tokens : Tensor of int64, shape (batch, time)
            Indices into the alphabet.
        state : Tensor or None
            What an earlier call returned; None feeds back zeros in the first step. Only a model
            that runs free looks at it.

        Returns
        -------
        logits : Tensor, shape (batch, time, alphabet_size)
        state : Tensor, shape (1, batch, alphabet_size)
            What a model that runs free feeds back next; for "sampled", what to draw it from.
        """
        with torch.autocast(tokens.device.type, enabled=False):
            if self.runs_free and self.hyperparameters["feedback"] != "sampled":
                return self._forward_free(tokens, state)
            # A step depends on its character alone, so one step for each character scores them all.
            every = torch.eye(self.alphabet_size, device=tokens.device)
            table = self._step(self.from_input(every), every)  # (V, V)
            logits = nn.functional.embedding(tokens, table)  # (B, T, V)
            return logits, self._fed_back(logits[:, -1])[None]

    def _forward_free(self, tokens: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        x = nn.functional.one_hot(tokens, self.alphabet_size).float()  # (B, T, V)
        fed = torch.zeros_like(x[:, 0]) if state is None else state[0]  # (B, V)
        logits = []
        for from_x in self.from_input(x).unbind(dim=1):  # (B, T, H) → T × (B, H)
            logits.append(self._step(from_x, fed))
            fed = self._fed_back(logits[-1])
        return torch.stack(logits, dim=1), fed[None]  # T × (B, V) → (B, T, V)

    def _step(self, from_x: Tensor, fed: Tensor) -> Tensor:
        activation = ACTIVATIONS[self.hyperparameters["activation"]]
        return self.head(activation(from_x + self.from_output(fed)))  # (B, H), (B, V) → (B, V)

    def _fed_back(self, logits: Tensor) -> Tensor:
        if self.hyperparameters["feedback"] == "argmax":
            return nn.functional.one_hot(logits.argmax(dim=-1), self.alphabet_size).float()
        return torch.softmax(logits, dim=-1)  # (B, V)


def _check(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"unknown {name} {value!r}: use one of {', '.join(known)}")
