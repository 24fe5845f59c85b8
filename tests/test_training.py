"""Training learns, stops, and is measured by one protocol that loses no character."""

import dataclasses
import math
import signal

import pytest
import torch
from torch import nn

from rnnbook.models import CharRNN
from rnnbook.recipe import Recipe
from rnnbook.recipes import RECIPES, UnknownRecipe, get
from rnnbook.runs import split_by
from rnnbook.text import Alphabet, split_end
from rnnbook.training import NonFiniteLoss, evaluate, fit

CPU = torch.device("cpu")
TINY = Recipe(
    corpus="none",
    characters=20_000,
    hidden_size=24,
    batch_size=8,
    unroll=20,
    evaluations=4,
    learning_rate=1e-2,
)


def periodic_tokens(size: int = 6000) -> torch.Tensor:
    """A text no bigram can predict: 0 0 1 1 0 0 1 1 …"""
    return torch.arange(size) // 2 % 2


def run(recipe: Recipe, tokens: torch.Tensor, **settings):
    model = recipe.build(2)
    return model, fit(model, split_end(tokens, 0.1), recipe, progress=False, **settings)


@pytest.mark.parametrize("cell", ["vanilla", "lstm", "gru"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_fit_learns_what_a_bigram_cannot(cell, dtype):
    recipe = dataclasses.replace(TINY, cell=cell, characters=30_000)
    _, history = run(recipe, periodic_tokens(), device=CPU, dtype=dtype)
    assert history.best_nats < 0.05 < math.log(2)
    assert history.stopped == "finished"
    assert history.seconds == sorted(history.seconds)
    assert history.seconds[0] > 0
    assert len(history.characters) == len(history.train_nats) == recipe.evaluations


def test_the_same_recipe_gives_the_same_weights():
    recipe = dataclasses.replace(TINY, dropout=0.3, num_layers=2, characters=4000)
    first, second = (run(recipe, periodic_tokens(), dtype=torch.float32)[0] for _ in range(2))
    for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_the_best_weights_are_kept_and_training_stops_early():
    # Nothing can be learned from noise, so a long run only gets worse.
    noise = torch.randint(0, 2, (1500,), generator=torch.Generator().manual_seed(0))
    recipe = dataclasses.replace(
        TINY, characters=400_000, evaluations=100, patience=3, schedule="constant"
    )
    model, history = run(recipe, noise)
    assert history.stopped == "early stop"
    assert history.evaluations_since_best == 3
    assert evaluate(model, split_end(noise, 0.1).held_out) == pytest.approx(history.best_nats)


def test_the_running_mean_is_that_of_the_weights_after_each_update():
    plain = dataclasses.replace(TINY, schedule="constant", evaluations=1)
    held_out = split_end(periodic_tokens(), 0.1).held_out

    def trained(recipe: Recipe) -> tuple[torch.Tensor, int]:
        model, history = run(recipe, periodic_tokens(), dtype=torch.float32)
        assert evaluate(model, held_out) == pytest.approx(history.best_nats)
        return nn.utils.parameters_to_vector(model.parameters()), history.characters[-1]

    expected, characters = trained(dataclasses.replace(plain, characters=1))
    for _ in range(2):
        weights, characters = trained(dataclasses.replace(plain, characters=characters + 1))
        expected = 0.75 * expected + 0.25 * weights
    mean, _ = trained(dataclasses.replace(plain, characters=characters, averaging=0.75))
    torch.testing.assert_close(mean, expected)
    assert not torch.allclose(mean, weights)


def test_carried_state_reaches_further_than_one_batch():
    # A bit, six blanks, the same bit again; batches are cut every four characters.
    generator = torch.Generator().manual_seed(0)
    bits = torch.randint(0, 2, (1500,), generator=generator)
    tokens = torch.full((1500, 8), 2)
    tokens[:, 0], tokens[:, 7] = bits, bits
    recipe = dataclasses.replace(
        TINY, characters=80_000, hidden_size=16, batch_size=16, unroll=4, evaluations=2
    )
    losses = {}
    for carry in (True, False):
        model = recipe.build(3)
        split = split_end(tokens.flatten(), 0.1)
        recipe = dataclasses.replace(recipe, carry_state=carry)
        losses[carry] = fit(model, split, recipe, progress=False).best_nats
    # Without the state neither the bit nor its place can be known.
    assert losses[True] < losses[False] - 0.03


def test_a_loss_that_is_not_finite_names_its_step():
    recipe = dataclasses.replace(TINY, cell="vanilla", learning_rate=3e37, schedule="constant")
    with pytest.raises(NonFiniteLoss, match=r"at step \d+, after \d+ characters"):
        run(recipe, periodic_tokens(), dtype=torch.float32)


def test_an_interrupt_keeps_history_and_weights():
    # A real Ctrl-C, in the middle of the second pass through the text.
    recipe = dataclasses.replace(TINY, unroll=7)
    model = recipe.build(2)

    def interrupt(epochs: int) -> None:
        if epochs == 1:
            signal.raise_signal(signal.SIGINT)

    split = split_end(periodic_tokens(), 0.1)
    history = fit(model, split, recipe, progress=False, after_epoch=interrupt)
    assert history.stopped == "interrupted"
    assert 0 < history.characters[-1] < TINY.characters
    assert evaluate(model, split.held_out) == pytest.approx(history.best_nats)


@pytest.mark.parametrize("cell", ["vanilla", "lstm", "gru"])
@pytest.mark.parametrize("streams", [1, 3, 16])
@pytest.mark.parametrize("size", [2, 17, 1000])
def test_every_character_but_the_first_is_scored_once(cell, streams, size):
    tokens = torch.randint(0, 5, (size,), generator=torch.Generator().manual_seed(1))

    class Recording(CharRNN):
        """Gives each next character the score of its own index, to tell the targets apart."""

        def forward(self, tokens, state=None):
            logits, state = super().forward(tokens, state)
            return torch.arange(5.0).expand_as(logits), state

    losses = -torch.log_softmax(torch.arange(5.0), 0)
    measured = evaluate(Recording(5, cell=cell, hidden_size=3), tokens, streams=streams)
    assert measured == pytest.approx(losses[tokens[1:]].mean().item())


def test_one_stream_is_a_plain_pass_through_the_text():
    torch.manual_seed(0)
    model = CharRNN(5, hidden_size=8).train()
    tokens = torch.randint(0, 5, (700,))
    logits, _ = model(tokens[None, :-1])
    expected = nn.functional.cross_entropy(logits[0], tokens[1:]).item()
    assert evaluate(model, tokens, streams=1) == pytest.approx(expected, abs=1e-5)
    assert model.training


def test_rows_are_texts_of_their_own():
    torch.manual_seed(0)
    model = CharRNN(5, hidden_size=8).train()
    rows = torch.randint(0, 5, (70, 11))
    each = [evaluate(model, row, streams=1) for row in rows]
    assert evaluate(model, rows) == pytest.approx(sum(each) / 70, abs=1e-5)
    assert model.training


def test_1_16_and_64_streams_agree(corpus_text):
    text = corpus_text("martin_fierro")
    alphabet = Alphabet.of(text)
    split = split_end(alphabet.encode(text), 0.2)
    recipe = dataclasses.replace(TINY, characters=150_000, hidden_size=64, batch_size=16)
    model = recipe.build(len(alphabet))
    fit(model, split, recipe, progress=False)
    losses = [evaluate(model, split.held_out, streams=n) for n in (1, 16, 64)]
    assert max(losses) - min(losses) < 0.002
    assert losses[0] < 3


def test_every_recipe_comes_quick_and_full():
    for presets in RECIPES.values():
        assert list(presets) == ["quick", "full"]


def test_the_tutorials_split_is_that_of_its_batches():
    recipe = get("shakespeare_source", "full")
    split = split_by(dataclasses.asdict(recipe), torch.arange(4_673_886))
    assert split.held_out.shape == (64 * 37, 101)
    assert recipe.characters == 11 * len(split.train)


@pytest.mark.parametrize("name", [name for name in RECIPES if name.startswith("vanilla")])
@pytest.mark.parametrize("preset", ["quick", "full"])
def test_the_vanilla_recipes_hold_out_one_stretch_of_the_wikipedia_sample(name, preset):
    recipe = get(name, preset)
    assert recipe.corpus == "wikipedia_sample"
    split = split_by(dataclasses.asdict(recipe), torch.arange(3_085_829))
    assert torch.equal(split.held_out, torch.arange(1_500_000, 1_650_000))
    assert len(split.train) == 3_085_829 - 150_000


@pytest.mark.parametrize(("name", "preset"), [("shakespear", "quick"), ("shakespeare", "tiny")])
def test_an_unknown_recipe_lists_the_known(name, preset):
    with pytest.raises(UnknownRecipe, match=r"shakespeare|quick, full"):
        get(name, preset)


def test_the_cosine_schedule_rises_and_falls():
    recipe = Recipe(corpus="none", characters=1, learning_rate=1.0)
    rates = [recipe.learning_rate_at(p / 100) for p in range(101)]
    assert rates[0] == pytest.approx(0.05)
    assert max(rates) == pytest.approx(1, abs=0.01)
    assert rates.index(max(rates)) == 2
    assert rates[-1] == pytest.approx(0.05)


def test_halvings_halve_the_step_nine_times():
    recipe = get("vanilla_published", "full")
    rates = [recipe.learning_rate_at(step / 50_000) for step in (0, 4_999, 5_000, 45_000, 49_999)]
    assert rates == [5.0, 5.0, 2.5, 5 / 2**9, 5 / 2**9]


def test_the_slip_draws_weights_off_centre():
    weights = dict(get("vanilla_published", "full").build(27).named_parameters())
    recurrent = weights["rnn.weight_hh_l0"]
    assert recurrent.mean().item() == pytest.approx(-0.1, abs=0.01)
    assert recurrent.std().item() == pytest.approx(0.1, abs=0.01)
    assert not weights["head.bias"].any()


def test_both_optimizers_learn_and_differ():
    losses = []
    for optimizer in ("adamw", "sgd"):
        recipe = dataclasses.replace(TINY, optimizer=optimizer, learning_rate=0.02)
        losses.append(run(recipe, periodic_tokens())[1].best_nats)
    assert losses[0] < 0.2 < losses[1] < math.log(2)


def test_chapter_5_compares_models_of_equal_size():
    names = ("sum", "concat_small", "output", "lstm", "gru")
    models = [get(f"vanilla_{name}", "full").build(27) for name in names]
    sizes = [sum(p.numel() for p in model.parameters()) for model in models]
    assert max(sizes) / min(sizes) < 1.06
    assert len({get(f"vanilla_{name}", "full").characters for name in names}) == 1


def test_building_a_model_leaves_the_global_seed_alone():
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    TINY.build(3)
    assert torch.equal(torch.rand(1), expected)
