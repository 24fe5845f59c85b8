"""The cells compute what torch.nn computes, value for value and gradient for gradient."""

import pytest
import torch
from torch import nn

from rnnbook.cells import Cell, GRUCell, LSTMCell, Recurrence, Stacked, VanillaCell

B, T, I, H, LAYERS = 3, 7, 4, 5, 3  # noqa: E741 I is the book's name
PAIRS = {
    "vanilla": (VanillaCell, nn.RNNCell, nn.RNN),
    "lstm": (LSTMCell, nn.LSTMCell, nn.LSTM),
    "gru": (GRUCell, nn.GRUCell, nn.GRU),
}
KINDS = pytest.mark.parametrize("kind", PAIRS)


@pytest.fixture(autouse=True)
def _float64():
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def parts(state):
    return state if isinstance(state, tuple) else (state,)


def random_state(kind, *shape):
    state = tuple(torch.randn(*shape, requires_grad=True) for _ in range(2))
    return state if kind == "lstm" else state[0]


def assert_equal(ours, theirs):
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)


def gradients(loss, tensors):
    return torch.autograd.grad(loss, tensors)


def stacked_like(kind, reference, **options):
    """Our stack with the weights of a torch.nn layer."""
    cell_class = PAIRS[kind][0]
    stack = Stacked([cell_class(I if n == 0 else H, H) for n in range(LAYERS)], **options)
    weights = reference.state_dict()
    for n, layer in enumerate(stack.layers):
        layer.cell.load_state_dict({k: weights[f"{k}_l{n}"] for k in layer.cell.state_dict()})
    return stack


@KINDS
def test_one_seed_draws_the_weights_torch_draws(kind):
    ours_class, theirs_class, _ = PAIRS[kind]
    torch.manual_seed(5)
    ours = ours_class(I, H).state_dict()
    torch.manual_seed(5)
    theirs = theirs_class(I, H).state_dict()
    assert list(ours) == list(theirs)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


@KINDS
def test_a_cell_equals_torchs_in_values_and_gradients(kind):
    ours_class, theirs_class, _ = PAIRS[kind]
    theirs = theirs_class(I, H)
    ours = ours_class(I, H)
    ours.load_state_dict(theirs.state_dict())
    x, state = torch.randn(B, I, requires_grad=True), random_state(kind, B, H)

    y, new = ours(x, state)
    expected = parts(theirs(x, state))
    assert_equal(y, expected[0])
    for mine, wanted in zip(parts(new), expected, strict=True):
        assert_equal(mine, wanted)

    # The last part (c for an LSTM) as well as the output takes part in the loss.
    loss = (y**2).sum() + parts(new)[-1].sin().sum()
    wanted = (expected[0] ** 2).sum() + expected[-1].sin().sum()
    for mine, other in zip(
        gradients(loss, [x, *parts(state), *ours.parameters()]),
        gradients(wanted, [x, *parts(state), *theirs.parameters()]),
        strict=True,
    ):
        assert_equal(mine, other)


@KINDS
def test_recurrence_equals_torchs_layer(kind):
    cell_class, _, layer_class = PAIRS[kind]
    theirs = layer_class(I, H, batch_first=True)
    ours = Recurrence(cell_class(I, H))
    ours.cell.load_state_dict({k.removesuffix("_l0"): v for k, v in theirs.state_dict().items()})
    x = torch.randn(B, T, I, requires_grad=True)

    (y, state), (wanted, wanted_state) = ours(x), theirs(x)
    assert_equal(y, wanted)
    for mine, other in zip(parts(state), parts(wanted_state), strict=True):
        assert_equal(mine, other[0])
    for mine, other in zip(
        gradients((y**2).sum(), [x, *ours.parameters()]),
        gradients((wanted**2).sum(), [x, *theirs.parameters()]),
        strict=True,
    ):
        assert_equal(mine, other)


@KINDS
def test_a_sequence_in_two_pieces_equals_the_whole(kind):
    layer = Recurrence(PAIRS[kind][0](I, H))
    x = torch.randn(B, T, I)
    whole, final = layer(x)
    first, state = layer(x[:, :3])
    second, state = layer(x[:, 3:], state)
    assert_equal(torch.cat([first, second], dim=1), whole)
    for mine, other in zip(parts(state), parts(final), strict=True):
        assert_equal(mine, other)


@KINDS
@pytest.mark.parametrize("given", [False, True], ids=["zeros", "given state"])
def test_stacked_equals_torchs_layers_in_values_and_gradients(kind, given):
    theirs = PAIRS[kind][2](I, H, num_layers=LAYERS, batch_first=True)
    ours = stacked_like(kind, theirs)
    x = torch.randn(B, T, I, requires_grad=True)
    state = random_state(kind, LAYERS, B, H) if given else None

    (y, final), (wanted, wanted_final) = ours(x, state), theirs(x, state)
    assert_equal(y, wanted)
    for mine, other in zip(parts(final), parts(wanted_final), strict=True):
        assert mine.shape == (LAYERS, B, H)
        assert_equal(mine, other)

    tensors = [x, *(parts(state) if given else ())]
    loss = (y**2).sum() + sum(part.sin().sum() for part in parts(final))
    wanted_loss = (wanted**2).sum() + sum(part.sin().sum() for part in parts(wanted_final))
    for mine, other in zip(
        gradients(loss, [*tensors, *ours.parameters()]),
        gradients(wanted_loss, [*tensors, *theirs.parameters()]),
        strict=True,
    ):
        assert_equal(mine, other)


def test_relu_equals_torchs():
    theirs = nn.RNN(I, H, nonlinearity="relu", batch_first=True)
    ours = Recurrence(VanillaCell(I, H, activation="relu"))
    ours.cell.load_state_dict({k.removesuffix("_l0"): v for k, v in theirs.state_dict().items()})
    x = torch.randn(B, T, I)
    assert_equal(ours(x)[0], theirs(x)[0])


def test_an_identity_cell_with_unit_weights_sums():
    layer = Recurrence(VanillaCell(1, 1, activation="identity"))
    for parameter, value in zip(layer.parameters(), [1.0, 1.0, 0.0, 0.0], strict=True):
        nn.init.constant_(parameter, value)
    x = torch.randn(B, T, 1)
    assert_equal(layer(x)[0], x.cumsum(dim=1))


def test_an_unknown_activation_is_named_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'gelu'.*tanh.*relu.*identity"):
        VanillaCell(I, H, activation="gelu")


@pytest.mark.parametrize("shape", [(B, T), (B, 0, I)])
def test_a_sequence_of_the_wrong_shape_is_refused_with_its_shape(shape):
    with pytest.raises(ValueError, match=str(shape[1])):
        Recurrence(VanillaCell(I, H))(torch.zeros(*shape))


def test_recurrence_takes_any_cell():
    class Counter(nn.Module):
        def initial_state(self, batch_size):
            return torch.zeros(batch_size, 1)

        def forward(self, x_t, state):
            return -state, state + 1

    y, state = Recurrence(Counter())(torch.randn(2, 4, 3))
    assert y[0, :, 0].tolist() == [0, -1, -2, -3]
    assert state.tolist() == [[4], [4]]


def test_dropout_acts_between_layers_and_nowhere_else():
    x = torch.randn(B, T, I)
    one = Stacked([LSTMCell(I, H)], dropout=0.9)
    assert_equal(one.train()(x)[0], one.eval()(x)[0])  # nothing is between one layer

    two = Stacked([VanillaCell(I, H, "identity"), VanillaCell(H, H, "identity")], dropout=0.5)
    seen = []
    two.layers[1].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    below = two.layers[0](x)[0]
    top = two.train()(x)[0]
    dropped = seen[0] == 0
    assert 0.3 < dropped.double().mean() < 0.7
    assert_equal(seen[0][~dropped], 2 * below[~dropped])  # kept values are scaled by 1 / (1 - p)
    assert (top != 0).all()
    assert_equal(two.eval()(x)[0], two.layers[1](below)[0])


@KINDS
def test_a_trainable_initial_state_starts_at_zero_and_receives_a_gradient(kind):
    reference = PAIRS[kind][2](I, H, num_layers=LAYERS, batch_first=True)
    fixed, trainable = (stacked_like(kind, reference, trainable_initial_state=t) for t in (0, 1))
    x = torch.randn(B, T, I)
    assert_equal(trainable(x)[0], fixed(x)[0])
    assert len(list(fixed.parameters())) + len(trainable.initial) == len(
        list(trainable.parameters())
    )

    # The gradient of a state shared by the batch is the sum of the rows' gradients.
    given = random_state(kind, LAYERS, B, H)
    for part in parts(given):
        part.data.zero_()
    expected = gradients((fixed(x, given)[0] ** 2).sum(), parts(given))
    (trainable(x)[0] ** 2).sum().backward()
    for part, rows in zip(trainable.initial, expected, strict=True):
        assert part.grad.abs().min() > 0
        assert_equal(part.grad, rows.sum(dim=1, keepdim=True))


def test_two_stacks_do_not_share_anything():
    first, second = (Stacked([GRUCell(I, H), GRUCell(H, H)]) for _ in range(2))
    x = torch.randn(B, T, I)
    assert not torch.allclose(first(x)[0], second(x)[0])
    second(x)[0].sum().backward()
    assert all(parameter.grad is None for parameter in first.parameters())
    assert all(parameter.grad is not None for parameter in second.parameters())


@pytest.mark.parametrize("sizes", [[], [(4, 5), (4, 5)], [(4, 5), (5, 6)]])
def test_layers_that_do_not_fit_are_refused_with_their_sizes(sizes):
    with pytest.raises(ValueError, match="do not fit"):
        Stacked([GRUCell(*size) for size in sizes])


@KINDS
def test_states_follow_the_weights_to_their_type(kind):
    stack = Stacked([PAIRS[kind][0](I, H)], trainable_initial_state=True).float()
    y, state = stack(torch.randn(B, T, I, dtype=torch.float32))
    assert {y.dtype, *(part.dtype for part in parts(state))} == {torch.float32}


def test_the_base_cell_counts_what_torch_counts():
    count = sum(parameter.numel() for parameter in Cell(I, H, blocks=4).parameters())
    assert count == sum(parameter.numel() for parameter in nn.LSTMCell(I, H).parameters())
