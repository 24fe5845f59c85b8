"""Feeding back the state and feeding back the output: what each network can and cannot know."""

import dataclasses
import math

import pytest
import torch
from torch import nn

from rnnbook.feedback import HiddenFeedback, OutputFeedback
from rnnbook.models import CharRNN
from rnnbook.ngram import NGram
from rnnbook.recipe import Recipe
from rnnbook.sampling import Sampler
from rnnbook.text import Alphabet, Split, split_end
from rnnbook.training import evaluate, fit

V, H = 5, 7
TINY = Recipe(
    corpus="none",
    characters=40_000,
    hidden_size=16,
    batch_size=8,
    unroll=20,
    evaluations=4,
    learning_rate=2e-2,
    model="HiddenFeedback",
)
KINDS = [
    pytest.param(lambda: HiddenFeedback(V, H), id="sum"),
    pytest.param(lambda: HiddenFeedback(V, H, "concat", "relu"), id="concat"),
    pytest.param(lambda: OutputFeedback(V, H), id="output"),
    pytest.param(lambda: OutputFeedback(V, H).free_running(), id="distribution"),
    pytest.param(lambda: OutputFeedback(V, H).free_running("argmax"), id="argmax"),
    pytest.param(lambda: OutputFeedback(V, H).free_running("sampled"), id="sampled"),
]
FORMS = [(c, a) for c in ("sum", "concat") for a in ("tanh", "relu")]
# ReLU does not bound the states, and two matrices in a row move further in a step than one.
RATES = {"tanh": 2e-2, "sum relu": 5e-3, "concat relu": 1e-3}


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture
def tokens():
    return torch.randint(0, V, (3, 12), generator=torch.Generator().manual_seed(1))


def moved(model):
    """Move a model away from its first weights, so far that its scores differ clearly."""
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight) / 4)
    return model


def second_order_text(size):
    """A text of five characters whose next depends on the last two."""
    generator = torch.Generator().manual_seed(2)
    p = torch.rand(V, V, V, generator=generator).pow(6)
    points = torch.rand(size, generator=generator).tolist()
    ends = (p / p.sum(-1, keepdim=True)).cumsum(-1).tolist()
    text = [0, 0]
    for point in points[2:]:
        row = ends[text[-2]][text[-1]]
        text.append(next((i for i, end in enumerate(row) if point < end), V - 1))
    return torch.tensor(text)


# What all of them share


@pytest.mark.parametrize("build", KINDS)
def test_a_text_in_two_parts_is_scored_as_a_whole(build, tokens):
    model = moved(build())
    whole, last = model(tokens)
    first, state = model(tokens[:, :5])
    second, end = model(tokens[:, 5:], state)
    assert whole.shape == (3, 12, V)
    torch.testing.assert_close(torch.cat([first, second], dim=1), whole)
    torch.testing.assert_close(end, last)


@pytest.mark.parametrize("build", KINDS)
def test_precision_around_them_does_not_matter(build, tokens):
    model = moved(build())
    with torch.autocast("cpu", torch.bfloat16):
        inside = model(tokens)
    for half, full in zip(inside, model(tokens), strict=True):
        assert torch.equal(half, full)


@pytest.mark.parametrize("build", KINDS)
def test_one_stream_is_a_plain_pass_through_the_text(build):
    model, text = moved(build()), second_order_text(400)
    logits, _ = model(text[None, :-1])
    expected = nn.functional.cross_entropy(logits[0], text[1:]).item()
    assert evaluate(model, text, streams=1) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("build", KINDS)
def test_samples_follow_the_model_step_by_step(build):
    alphabet = Alphabet("abcde")
    sampler = Sampler(moved(build()), alphabet)
    text = sampler.sample("ab", 20, temperature=0)
    for i in range(20):
        with torch.inference_mode():
            logits, _ = sampler.model(alphabet.encode("ab" + text[:i])[None])
        assert alphabet.characters[logits[0, -1].argmax()] == text[i]
    assert sampler.sample_many("ab", 20, 3, temperature=0) == [text] * 3
    assert len(set(sampler.sample_many("ab", 40, 4))) == 4


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: HiddenFeedback(V, H, combine="product"), "combine 'product'.*sum, concat"),
        (lambda: HiddenFeedback(V, H, activation="sign"), "activation 'sign'.*tanh, relu"),
        (lambda: OutputFeedback(V, H, activation="sign"), "activation 'sign'"),
        (lambda: OutputFeedback(V, H, feedback="target"), "feedback 'target'.*sampled, argmax"),
        (lambda: OutputFeedback(V, H).free_running("target"), "feedback 'target'"),
    ],
)
def test_an_unknown_name_lists_the_known(build, says):
    with pytest.raises(ValueError, match=says):
        build()


# Arch 1


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_the_sum_is_torch_s_rnn(activation, tokens):
    model = moved(HiddenFeedback(V, H, activation=activation))
    rnn = nn.RNN(V, H, nonlinearity=activation, batch_first=True)
    rnn.load_state_dict(model.rnn.state_dict())
    y, last = rnn(nn.functional.one_hot(tokens, V).float())
    logits, state = model(tokens)
    assert torch.equal(logits, model.head(y))
    assert torch.equal(state, last)


def test_the_sum_takes_the_weights_of_a_vanilla_char_rnn(tokens):
    other = CharRNN(V, cell="vanilla", hidden_size=H)
    model = HiddenFeedback(V, H)
    model.load_state_dict(other.state_dict())
    assert torch.equal(model(tokens)[0], other(tokens)[0])


@pytest.mark.parametrize(("combine", "activation"), FORMS)
def test_arch_1_follows_its_equations(combine, activation, tokens):
    model = moved(HiddenFeedback(V, H, combine, activation))
    rnn, phi = model.rnn, {"tanh": torch.tanh, "relu": torch.relu}[activation]
    h = torch.zeros(3, H)
    logits = []
    for x_t in nn.functional.one_hot(tokens, V).float().unbind(1):
        a = x_t @ rnn.weight_ih_l0.T + rnn.bias_ih_l0
        r = h @ rnn.weight_hh_l0.T + rnn.bias_hh_l0
        h = phi(a + r if combine == "sum" else model.joint(torch.cat([a, r], dim=1)))
        logits.append(model.head(h))
    torch.testing.assert_close(model(tokens)[0], torch.stack(logits, dim=1))


def test_both_forms_start_as_the_same_function(tokens):
    models = []
    for combine in ("sum", "concat"):
        torch.manual_seed(3)
        models.append(HiddenFeedback(V, H, combine))
    torch.testing.assert_close(models[0](tokens)[0], models[1](tokens)[0])


@pytest.mark.parametrize(("combine", "activation"), FORMS)
def test_every_concatenation_is_a_sum(combine, activation, tokens):
    model = moved(HiddenFeedback(V, H, combine, activation))
    summed = model.as_sum()
    assert summed.hyperparameters == model.hyperparameters | {"combine": "sum"}
    torch.testing.assert_close(summed(tokens)[0], model(tokens)[0])
    moved(summed)
    assert not torch.allclose(summed(tokens)[0], model(tokens)[0])


class BentParts(HiddenFeedback):
    """h_t = φ([W_xh x_t ; W_hh h_{t-1}] + b): half the units see only x_t, half only the state."""

    def recurrent_weights(self):
        own = super().recurrent_weights()
        size = self.rnn.hidden_size
        sees_x = (torch.arange(size) < size // 2)[:, None]  # (H, 1)
        return own | {
            "weight_ih_l0": own["weight_ih_l0"] * sees_x,
            "weight_hh_l0": own["weight_hh_l0"] * ~sees_x,
        }


def test_bending_the_parts_before_they_meet_is_another_function():
    # The character and what came before it meet in the head alone, which adds: a change of
    # context moves the scores by the same amount after every character.
    contexts = torch.tensor([[0, 1, 2], [3, 4, 2], [0, 1, 0], [3, 4, 0]])
    for model, apart in ((BentParts(V, 8), True), (HiddenFeedback(V, 8), False)):
        a, b, c, d = moved(model)(contexts)[0][:, -1]
        assert torch.allclose(a - b, c - d, atol=1e-5) == apart


@pytest.mark.parametrize("combine", ["sum", "concat"])
def test_gradients_reach_every_weight(combine, tokens):
    model = HiddenFeedback(V, H, combine)
    logits, _ = model(tokens)
    logits.square().sum().backward()
    assert all(weight.grad.abs().sum() > 0 for weight in model.parameters())


# Arch 2


def stepped(model, tokens, fed_back):
    """Score by Arch 2's equations; `fed_back(t, p)` is what goes in at t after the output p."""
    p, logits = None, []
    for t, x_t in enumerate(nn.functional.one_hot(tokens, V).float().unbind(1)):
        h = torch.tanh(model.from_input(x_t) + model.from_output(fed_back(t, p)))
        logits.append(model.head(h))
        p = logits[-1].softmax(-1)
    return torch.stack(logits, dim=1)


def test_teacher_forcing_feeds_back_the_previous_target(tokens):
    model = moved(OutputFeedback(V, H))
    # The target of each step but the last is the character that the next step reads.
    targets = nn.functional.one_hot(tokens, V).float()[:, 1:]
    expected = stepped(model, tokens[:, 1:], lambda t, p: targets[:, t])
    torch.testing.assert_close(model(tokens)[0][:, 1:], expected)


def test_running_free_feeds_back_its_own_output(tokens):
    model = moved(OutputFeedback(V, H))
    zeros = torch.zeros(3, V)
    soft = stepped(model, tokens, lambda t, p: p if t else zeros)
    torch.testing.assert_close(model.free_running()(tokens)[0], soft)

    def hard(t, p):
        return nn.functional.one_hot(p.argmax(-1), V).float() if t else zeros

    best = stepped(model, tokens, hard)
    torch.testing.assert_close(model.free_running("argmax")(tokens)[0], best)
    assert not torch.allclose(best, soft)


def test_a_drawn_character_fed_back_is_the_character_that_is_read(tokens):
    model = moved(OutputFeedback(V, H, feedback="sampled"))
    assert torch.equal(model.free_running()(tokens)[0], model(tokens)[0])


def test_only_a_model_that_runs_free_sees_more_than_one_character():
    model = moved(OutputFeedback(V, H))
    contexts = torch.tensor([[0, 1, 2], [3, 4, 2]])
    forced, _ = model(contexts)
    free, _ = model.free_running()(contexts)
    assert torch.equal(forced[0, -1], forced[1, -1])
    assert not torch.allclose(free[0, -1], free[1, -1])


def test_running_free_shares_the_weights_and_leaves_the_model_as_it_was(tokens):
    model = OutputFeedback(V, H)
    free = model.free_running("argmax")
    moved(model)
    expected = model(tokens)[0]
    assert not model.runs_free
    assert model.hyperparameters["feedback"] == "distribution"
    assert all(a is b for a, b in zip(free.parameters(), model.parameters(), strict=True))
    free(tokens)
    assert torch.equal(model(tokens)[0], expected)


# Trained


@pytest.mark.parametrize(("combine", "activation"), FORMS)
def test_a_state_learns_what_an_output_cannot(combine, activation):
    text = split_end(torch.arange(6000) // 2 % 2, 0.1)  # 0 0 1 1 0 0 1 1 …
    rate = RATES.get(f"{combine} {activation}", RATES["tanh"])
    recipe = dataclasses.replace(TINY, combine=combine, activation=activation, learning_rate=rate)
    assert fit(recipe.build(2), text, recipe, progress=False).best_nats < 0.05
    recipe = dataclasses.replace(TINY, model="OutputFeedback", activation=activation)
    history = fit(recipe.build(2), text, recipe, progress=False)
    assert history.best_nats == pytest.approx(math.log(2), abs=0.01)


@pytest.fixture(scope="module")
def trained() -> tuple[OutputFeedback, Split]:
    split = split_end(second_order_text(30_000), 0.2)
    recipe = dataclasses.replace(
        TINY, model="OutputFeedback", characters=200_000, unroll=50, batch_size=16
    )
    model = recipe.build(V)
    fit(model, split, recipe, progress=False)
    return model, split


def test_teacher_forced_arch_2_is_a_bigram_table(trained):
    model, split = trained
    bigram, trigram = (NGram(split.train, n, V).loss_nats(split.held_out) for n in (2, 3))
    assert evaluate(model, split.held_out) == pytest.approx(bigram, abs=0.02)
    assert trigram < bigram - 0.2  # there was more to know


def test_arch_2_is_worse_on_its_own_outputs_than_on_true_ones(trained):
    model, split = trained
    forced = evaluate(model, split.held_out)
    assert evaluate(model.free_running("sampled"), split.held_out) == forced
    for feedback in ("distribution", "argmax"):
        assert evaluate(model.free_running(feedback), split.held_out) > forced + 0.02
    _, state = model(split.held_out[None, :50])
    _, own = model.free_running()(split.held_out[None, :50])
    assert not torch.allclose(state, own)
