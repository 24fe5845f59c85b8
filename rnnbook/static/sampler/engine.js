// A character model as a function of one character at a time; its state is kept inside.
//
// Each step is what `forward` is in rnnbook/cells.py and rnnbook/feedback.py, for one stream.

import { Linear } from "./linear.js";
import { softmax } from "./sampling.js";

/** @typedef {import("./model.js").Model} Model */

/**
 * Score what follows, given the text so far.
 *
 * @typedef {object} Engine
 * @property {() => void} reset forget all that was read: states are zeros again
 * @property {(token: number) => Float32Array} step read a character; return scores of the next,
 *   overwritten by the next call
 * @property {Float32Array[]} hidden the layers' hidden states, lowest first, as they are now
 */

/**
 * Set a model up to be stepped, with a state of zeros.
 *
 * @param {Model} model
 * @returns {Engine}
 */
export function engineFor(model) {
  return model.kind === "OutputFeedback" ? new OutputFeedback(model) : new Stack(model);
}

const sigmoid = (/** @type {number} */ x) => 1 / (1 + Math.exp(-x));
const relu = (/** @type {number} */ x) => Math.max(0, x);

/** Recurrent layers on top of each other: a CharRNN, or the one layer of a HiddenFeedback. */
class Stack {
  /** @param {Model} model */
  constructor({ kind, hyperparameters, weights, alphabet }) {
    const { activation = "tanh" } = hyperparameters;
    const stack = kind === "CharRNN" ? hyperparameters : { cell: "vanilla" };
    const { num_layers: count = 1, cell } = stack;
    const CellKind = { vanilla: Vanilla, lstm: LSTM, gru: GRU }[/** @type {string} */ (cell)];
    const own = weights.has("joint.weight") ? asSum(weights) : weights;
    this.layers = Array.from({ length: count }, (_, layer) => {
      const parts = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"];
      const [inputs, states, b_x, b_h] = parts.map((part) => own.get(`rnn.${part}_l${layer}`));
      return new CellKind(inputs, states, b_x, b_h, activation === "relu" ? relu : Math.tanh);
    });
    this.hidden = this.layers.map((layer) => layer.h);
    this.embedding = weights.get("embedding.weight");
    this.size = alphabet.length;
    this.head = new Linear(weights.get("head.weight"), weights.get("head.bias"));
    /** @type {Map<number, Float32Array>} what a character gives the first layer; few ever occur */
    this.read = new Map();
  }

  reset() {
    for (const layer of this.layers) layer.reset();
  }

  /** @param {number} token */
  step(token) {
    if (!this.read.has(token)) this.read.set(token, this.fromCharacter(token));
    /** @type {Float32Array} */
    let y = this.layers[0].step(this.read.get(token));
    for (const layer of this.layers.slice(1)) y = layer.step(layer.input.of(y));
    return this.head.of(y);
  }

  /** @param {number} token */
  fromCharacter(token) {
    const { input } = this.layers[0];
    const width = this.embedding ? this.embedding.length / this.size : this.size;
    const x = new Float32Array(width);
    if (this.embedding) x.set(this.embedding.subarray(token * width, (token + 1) * width));
    else x[token] = 1;
    return input.of(x).slice();
  }
}

/** The output fed back, running free: what the model is when it writes. */
class OutputFeedback {
  /** @param {Model} model */
  constructor({ hyperparameters, weights, alphabet }) {
    this.feedback = hyperparameters.feedback;
    this.activation = hyperparameters.activation === "relu" ? relu : Math.tanh;
    this.fromInput = new Linear(weights.get("from_input.weight"), weights.get("from_input.bias"));
    this.fromOutput = new Linear(
      weights.get("from_output.weight"),
      new Float32Array(hyperparameters.hidden_size),
    );
    this.head = new Linear(weights.get("head.weight"), weights.get("head.bias"));
    this.x = new Float32Array(alphabet.length);
    this.fed = new Float32Array(alphabet.length);
    this.hidden = [new Float32Array(this.fromInput.out.length)];
  }

  reset() {
    this.fed.fill(0);
  }

  /** @param {number} token */
  step(token) {
    this.x.fill(0);
    this.x[token] = 1;
    if (this.feedback === "sampled") this.fed.set(this.x); // who draws a character feeds it in
    const [h] = this.hidden;
    const fromX = this.fromInput.of(this.x);
    const fromO = this.fromOutput.of(this.fed);
    for (let i = 0; i < h.length; i++) h[i] = this.activation(fromX[i] + fromO[i]);
    const scores = this.head.of(h);
    if (this.feedback === "argmax") this.fed.fill(0)[scores.indexOf(Math.max(...scores))] = 1;
    if (this.feedback === "distribution") this.fed.set(softmax(scores));
    return scores;
  }
}

/** One layer: W_xh and b_x make its input, W_hh and b_h what comes from its last state. */
class Cell {
  /**
   * @param {Float32Array} w_x
   * @param {Float32Array} w_h
   * @param {Float32Array} b_x
   * @param {Float32Array} b_h
   * @param {(x: number) => number} activation
   */
  constructor(w_x, w_h, b_x, b_h, activation) {
    this.input = new Linear(w_x, b_x);
    this.recurrent = new Linear(w_h, b_h);
    this.h = new Float32Array(w_h.length / b_h.length);
    this.activation = activation;
  }

  reset() {
    this.h.fill(0);
  }
}

class Vanilla extends Cell {
  /** @param {Float32Array} x */
  step(x) {
    const { h } = this;
    const r = this.recurrent.of(h);
    for (let i = 0; i < h.length; i++) h[i] = this.activation(x[i] + r[i]);
    return h;
  }
}

class LSTM extends Cell {
  c = new Float32Array(this.h.length);

  reset() {
    super.reset();
    this.c.fill(0);
  }

  /** @param {Float32Array} x the gates i, f, g and o, one after the other */
  step(x) {
    const { h, c } = this;
    const r = this.recurrent.of(h);
    const H = h.length;
    for (let i = 0; i < H; i++) {
      const input = sigmoid(x[i] + r[i]);
      const forget = sigmoid(x[H + i] + r[H + i]);
      c[i] = forget * c[i] + input * Math.tanh(x[2 * H + i] + r[2 * H + i]);
      h[i] = sigmoid(x[3 * H + i] + r[3 * H + i]) * Math.tanh(c[i]);
    }
    return h;
  }
}

class GRU extends Cell {
  /** @param {Float32Array} x the gates r, z and n, one after the other */
  step(x) {
    const { h } = this;
    const r = this.recurrent.of(h);
    const H = h.length;
    for (let i = 0; i < H; i++) {
      const update = sigmoid(x[H + i] + r[H + i]);
      const reset = sigmoid(x[i] + r[i]);
      // The reset gate weighs the product with the state, as in torch.
      const candidate = Math.tanh(x[2 * H + i] + reset * r[2 * H + i]);
      h[i] = candidate + update * (h[i] - candidate);
    }
    return h;
  }
}

/**
 * Turn the "concat" form into the "sum" that computes the same: see rnnbook/feedback.py.
 *
 * @param {Map<string, Float32Array>} weights
 * @returns {Map<string, Float32Array>}
 */
function asSum(weights) {
  const joint = weights.get("joint.weight"); // (H, 2H)
  const b_c = weights.get("joint.bias");
  const H = b_c.length;
  const sum = new Map();
  ["ih", "hh"].forEach((part, half) => {
    const w_c = new Float32Array(H * H);
    for (let row = 0; row < H; row++) {
      const start = (2 * row + half) * H;
      w_c.set(joint.subarray(start, start + H), row * H);
    }
    const through = new Linear(w_c, new Float32Array(H));
    const inner = weights.get(`rnn.weight_${part}_l0`); // (H, columns)
    const columns = inner.length / H;
    const product = new Float32Array(inner.length);
    const vector = new Float32Array(H);
    for (let column = 0; column < columns; column++) {
      for (let row = 0; row < H; row++) vector[row] = inner[row * columns + column];
      through.of(vector).forEach((w, row) => (product[row * columns + column] = w));
    }
    sum.set(`rnn.weight_${part}_l0`, product);
    const b = through.of(weights.get(`rnn.bias_${part}_l0`));
    sum.set(`rnn.bias_${part}_l0`, half === 0 ? b.map((value, i) => value + b_c[i]) : b.slice());
  });
  return sum;
}
