// The model at work, away from the page: it writes in slices of time and listens in between.
//
// The page sends one of these:
//   {type: "load", file, fresh}      the bytes of a model; fresh: as it was before training
//   {type: "generate", order, unit}  write; unit: the hidden unit to watch, or null
//   {type: "unit", unit}             look at another unit of the text that is written
//   {type: "stop"}
// Back come "loaded" with the number of units and what the file says of the model, "wrote" and at
// last "done", "unit", or "error".

import { engineFor } from "./engine.js";
import { readModel, untrained } from "./model.js";
import { Random } from "./random.js";
import { distribution, draw, mostLikely, softmax } from "./sampling.js";

/**
 * @typedef {import("./sampling.js").Choice & {prompt: string, length: number, seed: number,
 *   until?: string}} Order until: a regular expression; where the text matches, it ends
 *
 * @typedef {object} Written a character and what is to be known of it
 * @property {string} character
 * @property {number} probability what the model gave it, before temperature, top-k and top-p
 * @property {[string, number][]} rivals the five that the model thought most likely, with the same
 * @property {number | undefined} activation of the unit that was asked for
 */

const SLICE = 40; // milliseconds
const RIVALS = 5;

/** @type {string[]} */
let alphabet;
/** @type {import("./engine.js").Engine} */
let engine;
/** @type {Float32Array[]} all hidden units after each character that was written */
let activations = [];
let stopped = false;

/** @param {Order} order @param {number | null} unit */
async function generate({ prompt, length, seed, until, ...choice }, unit) {
  stopped = false;
  const end = until && new RegExp(`(?:${until})$`);
  const tokens = encoded(prompt); // one that is refused leaves the last text's activations
  activations = [];
  engine.reset();
  const random = new Random(seed);
  const goesOn = slices();
  /** @type {Float32Array} */
  let scores;
  for (const token of tokens) {
    if (!(await goesOn())) break;
    scores = step(token);
  }
  /** @type {Written[]} */
  let written = [];
  let text = prompt;
  let ended = false;
  for (let count = 0; count < length && !stopped && !ended; count++) {
    const p = softmax(scores);
    const token = draw(distribution(scores, choice), random);
    const rivals = mostLikely(p).slice(0, RIVALS);
    scores = step(token);
    activations.push(joined(engine.hidden));
    text += alphabet[token];
    ended = end && end.test(text);
    written.push({
      character: alphabet[token],
      probability: p[token],
      rivals: rivals.map((rival) => [alphabet[rival], p[rival]]),
      activation: unit === null ? undefined : activations[count][unit],
    });
    // The first character is shown at once.
    await goesOn(count === 0, () => postMessage({ type: "wrote", written: written.splice(0) }));
  }
  postMessage({ type: "wrote", written });
  postMessage({ type: "done" });
}

/** @param {number} token @returns {Float32Array} a score for each character that may come next */
function step(token) {
  const scores = engine.step(token);
  if (!scores.every(Number.isFinite))
    throw new Error("The model's scores are no longer finite numbers: its weights are damaged.");
  return scores;
}

/** @param {string} prompt */
function encoded(prompt) {
  const tokens = Array.from(prompt, (character) => alphabet.indexOf(character));
  if (!tokens.length)
    throw new Error("The prompt is empty: give at least one character to go on from.");
  const unknown = new Set(Array.from(prompt).filter((_, i) => tokens[i] < 0));
  if (unknown.size)
    throw new Error(
      `The model never saw ${[...unknown].join(" ")} in training: change the prompt.`,
    );
  return tokens;
}

/** Make a function that lets messages in when a slice of time is over, and says if to go on. */
function slices() {
  let end = performance.now() + SLICE;
  return async (now = false, before = () => {}) => {
    if (now || performance.now() > end) {
      before();
      await new Promise((resolve) => {
        const { port1, port2 } = new MessageChannel(); // a timer would wait for 4 ms
        port1.onmessage = resolve;
        port2.postMessage(null);
      });
      end = performance.now() + SLICE;
    }
    return !stopped;
  };
}

/** @param {Float32Array[]} layers */
function joined(layers) {
  const all = new Float32Array(layers.reduce((sum, layer) => sum + layer.length, 0));
  layers.forEach((layer, index) => all.set(layer, index * layer.length));
  return all;
}

/** @type {Record<string, (message: any) => void | Promise<void>>} */
const answers = {
  load({ file, fresh }) {
    const model = readModel(file);
    alphabet = model.alphabet;
    engine = engineFor(fresh ? untrained(model) : model);
    const { kind, hyperparameters, facts } = model;
    const units = joined(engine.hidden).length;
    postMessage({ type: "loaded", units, kind, hyperparameters, alphabet, facts });
  },
  generate: ({ order, unit }) => generate(order, unit),
  stop() {
    stopped = true;
  },
  unit({ unit }) {
    postMessage({ type: "unit", values: activations.map((units) => units[unit]) });
  },
};

onmessage = async ({ data }) => {
  try {
    await answers[data.type](data);
  } catch (error) {
    postMessage({ type: "error", message: /** @type {Error} */ (error).message });
  }
};
