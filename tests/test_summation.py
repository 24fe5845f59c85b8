"""The adders of chapters 2 and 3: data, both ways to train, and bands that broken ones fail."""

import math

import pytest
import torch
from torch import nn

from rnnbook import by_hand, device, expect, models, summation, summation_plots

START = (-0.5, 1.2, 0.5)
BANDS = [name for name in expect.BANDS if name.startswith(("adder", "tanh", "relu"))]


def adder(parameters, activation="identity", dtype=torch.float64):
    model = models.Adder(activation).to(dtype)
    with torch.no_grad():
        for slot, value in zip((model.w_x, model.w_h, model.b), parameters, strict=True):
            slot.fill_(value)
    return model


@pytest.fixture(scope="module")
def train():
    return summation.arrays(1000, device.seed(0))


@pytest.fixture(scope="module")
def test_sets(train):
    generator = device.seed(1)
    return {
        "doubled": [2 * array for array in train],
        "independent": summation.arrays(1000, generator),
        "longer": summation.arrays(1000, generator, shortest=8, longest=20),
        "negative": summation.arrays(1000, generator, low=-10, high=10),
    }


def measured(name, model, test_sets):
    """What the chapters measure for a band: a total, or a mean on arrays of the training kind."""
    kinds = {"independent": "independent", "8 to 20 long": "longer", "negative": "negative"}
    if name.startswith("adder"):
        kind = kinds.get(name.split(", ")[-1], "doubled")
        return summation.total_absolute_error(model, test_sets[kind])
    return summation.total_absolute_error(model, test_sets["independent"]) / 1000


def check(name, model, test_sets):
    expect.band(name, measured(name, model, test_sets))


# Data


def test_arrays_follow_the_sources_rules(train):
    lengths = [len(array) for array in train]
    numbers = torch.cat(train)
    assert (min(lengths), max(lengths)) == (2, 7)
    assert (int(numbers.min()), int(numbers.max())) == (1, 10)
    assert numbers.dtype == torch.int64
    # 1,000 sums of mean 24.75 and standard deviation 11.2, so a total of 24,750 ± 354
    assert abs(int(numbers.sum()) - 24_750) < 3 * 354


def test_arrays_depend_on_the_generator_alone():
    first, again = (summation.arrays(20, device.seed(5)) for _ in range(2))
    other = summation.arrays(20, device.seed(6))
    assert [a.tolist() for a in first] == [a.tolist() for a in again]
    assert [a.tolist() for a in first] != [a.tolist() for a in other]


def test_padding_keeps_the_numbers_and_adds_nothing(train):
    x, lengths = summation.pad(train, torch.float32)
    assert x.shape == (1000, 7)
    assert x.dtype == torch.float32
    assert lengths.tolist() == [len(array) for array in train]
    assert x.sum(dim=1).tolist() == [float(array.sum()) for array in train]
    assert x[3, : lengths[3]].tolist() == train[3].tolist()


def test_padding_does_not_reach_the_output():
    model = adder((0.7, 1.3, 0.5))
    short, long = torch.tensor([4, 2]), torch.arange(1, 10)
    alone, together = model(*summation.pad([short])), model(*summation.pad([short, long]))
    assert together[0].item() == alone[0].item()


def test_total_error_is_summed_in_float64():
    big, small = torch.tensor([2**24]), torch.tensor([1])
    says_nothing = adder((0.0, 0.0, 0.0), dtype=torch.float32)
    error = summation.total_absolute_error(says_nothing, [big, small])
    assert error == 2**24 + 1  # which no float32 can hold


# Training


@pytest.mark.parametrize("activation", ["identity", "tanh", "relu"])
@pytest.mark.parametrize("loss", ["absolute", "squared"])
def test_gradient_by_hand_is_autograds(train, activation, loss):
    for array in train[:20]:
        model, y = adder((0.05, 0.9, 0.1), activation), float(array.sum())
        error = model(*summation.pad([array])) - y
        value = (error.abs() if loss == "absolute" else error**2).sum()
        value.backward()
        by_us, slopes = by_hand.gradient(
            (0.05, 0.9, 0.1), array.tolist(), y, activation=activation, loss=loss
        )
        theirs = [p.grad.item() for p in (model.w_x, model.w_h, model.b)]
        assert by_us == pytest.approx(value.item())
        assert slopes == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize("loss", ["absolute", "squared"])
def test_training_by_hand_and_by_autograd_agree_at_every_epoch(train, loss):
    some, schedule = train[:60], summation.cosine(1e-2)
    model = adder(START)
    errors = summation.fit(model, some, some, epochs=3, loss=loss, schedule=schedule)
    path = by_hand.fit(START, some, some, epochs=3, loss=loss, schedule=schedule)
    ends = [p.item() for p in (model.w_x, model.w_h, model.b)]
    assert errors == pytest.approx(path.errors)
    assert ends == pytest.approx(path.parameters[-1], abs=1e-10)
    assert len(path.parameters) == 181  # before training, and after each of 3 × 60 updates


def test_batches_average_the_loss(train):
    model, mean = adder(START), adder(START)
    summation.fit(model, train[:4], train, epochs=1, batch_size=4)
    x, lengths = summation.pad(train[:4])
    (mean(x, lengths) - x.sum(dim=1)).abs().mean().backward()
    optimizer = torch.optim.Adam(mean.parameters())
    optimizer.step()
    assert model.w_x.item() == mean.w_x.item()


def test_schedules():
    constant, cosine = summation.constant(0.1), summation.cosine(0.1)
    assert [constant(done) for done in (0, 0.5, 1)] == [0.1, 0.1, 0.1]
    assert [cosine(done) for done in (0, 0.5, 1)] == pytest.approx([0.1, 0.05, 0])


# The bands of the chapters


def test_every_band_of_the_two_chapters_is_covered():
    assert len(BANDS) == 10


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_right_adder_lies_in_every_band_of_adders(train, test_sets, dtype, capsys):
    model = adder(START, dtype=dtype)
    schedule = summation.cosine(1e-2)
    summation.fit(model, train, train, batch_size=10, schedule=schedule)
    for name in BANDS:
        if name.startswith(("adder", "relu")):
            check(name, model, test_sets)
    assert capsys.readouterr().out.count("✓") == 7


@pytest.mark.parametrize("start", [START, (0.5, 0.5, 0.0), (-0.3, 0.9, 0.3)])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_source_recipe_hovers_and_the_schedule_cures_it(start, seed):
    train = summation.arrays(1000, device.seed(seed))
    doubled = [2 * array for array in train]
    hovering = by_hand.fit(start, train, doubled)
    cured = by_hand.fit(start, train, doubled, schedule=summation.cosine(1e-3))
    expect.band("adder, constant rate", hovering.errors[-1])
    assert max(hovering.errors[-10:]) > 1
    expect.band("adder, cured", cured.errors[-1])
    assert cured.parameters[-1] == pytest.approx((1, 1, 0), abs=1e-3)


def shuffled_adder(train, activation="identity"):
    model = adder(START, activation)
    order = torch.randperm(1000, generator=device.seed(2))
    targets = summation.pad(train)[0].sum(dim=1)[order]
    summation.fit(
        model, train, train, epochs=20, batch_size=10, schedule=summation.cosine(1e-1),
        targets=targets,
    )  # fmt: skip
    return model


class BestMemoryless(nn.Module):
    """What no unit with w_h = 0 beats: the median target for every last number, on the test set."""

    def __init__(self, arrays):
        super().__init__()
        self.zero = nn.Parameter(torch.zeros((), dtype=torch.float64))
        sums = {}
        for array in arrays:
            sums.setdefault(int(array[-1]), []).append(float(array.sum()))
        self.medians = {last: torch.tensor(ys).median().item() for last, ys in sums.items()}

    def forward(self, x, lengths):
        last = x.gather(1, lengths[:, None] - 1).squeeze(1)
        guesses = [self.medians.get(int(number), 0.0) for number in last]
        return torch.tensor(guesses, dtype=torch.float64)


@pytest.mark.parametrize("name", BANDS)
def test_an_untrained_unit_fails_every_band(name, test_sets):
    activation = "tanh" if name.startswith("tanh") else "identity"
    for seed in range(5):
        device.seed(seed)
        model = models.Adder(activation).double()
        with pytest.raises(AssertionError, match="expected"):
            check(name, model, test_sets)


@pytest.fixture(scope="module")
def shuffled(train):
    return shuffled_adder(train)


@pytest.mark.parametrize("name", BANDS)
def test_a_unit_trained_on_shuffled_sums_fails_every_band(name, shuffled, test_sets):
    with pytest.raises(AssertionError, match="expected"):
        check(name, shuffled, test_sets)


@pytest.mark.parametrize("name", BANDS)
def test_the_best_unit_without_memory_fails_every_band(name, test_sets):
    for arrays in test_sets.values():  # fitted to the very set it is judged on
        with pytest.raises(AssertionError, match="expected"):
            check(name, BestMemoryless(arrays), test_sets)


# Chapter 3


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_bounded_unit_ends_on_its_floor(train, test_sets, dtype):
    doubled = test_sets["doubled"]
    floor = sum(int(array.sum()) for array in doubled) - 1000
    path = by_hand.fit(START, train, doubled, activation="tanh", epochs=30)
    model = adder(path.parameters[-1], "tanh", dtype)
    assert 0 <= path.errors[-1] - floor < 1e-3
    assert 0 <= summation.total_absolute_error(model, doubled) - floor < 1e-3


def test_the_floor_is_no_sign_of_learning(train, test_sets):
    """Shuffled sums reach it too, which is why it is an equality in the chapter, and no band."""
    doubled = test_sets["doubled"]
    floor = sum(int(array.sum()) for array in doubled) - 1000
    nonsense = summation.total_absolute_error(shuffled_adder(train, "tanh"), doubled)
    assert nonsense - floor < 1
    for broken in (models.Adder().double(), shuffled_adder(train), BestMemoryless(doubled)):
        assert abs(summation.total_absolute_error(broken, doubled) - floor) > 1e-3


def test_a_saturated_unit_and_a_dead_one_never_move(train):
    for activation, start in (("tanh", (-20.0, 0.5, 0.0)), ("relu", START)):
        path = by_hand.fit(start, train[:50], train, activation=activation, epochs=1)
        assert path.parameters[-1] == start


def test_published_log_is_the_articles():
    x, y = summation_plots.published()
    assert len(x) == len(y) == 52
    assert (y[1], min(y), y[-1]) == (93804.7, 12.8, 44.4)
    assert y.index(12.8) == 34  # the log's line 34
    x, y = summation_plots.published(tanh=True)
    assert len(x) == len(y) == 52
    assert y == sorted(y, reverse=True)
    assert math.isclose(y[-1], 2.576e-9, rel_tol=0.01)
