// A model of this book as its file describes it: what it is, its alphabet, its weights in float32.
// The layout is explained in rnnbook/checkpoints.py, the storages in rnnbook/packing.py.

import { BadFile, readSafetensors } from "./safetensors.js";
import { Random } from "./random.js";

/**
 * @typedef {import("./safetensors.js").Tensor} Tensor
 *
 * @typedef {object} Model
 * @property {"CharRNN" | "HiddenFeedback" | "OutputFeedback"} kind
 * @property {Record<string, any>} hyperparameters
 * @property {string[]} alphabet
 * @property {Record<string, any>} facts
 * @property {Map<string, Float32Array>} weights row by row
 */

const WEIGHT_LIMIT = 60_000_000; // 240 MB in float32: more could take the reader's tab down
const KINDS = ["CharRNN", "HiddenFeedback", "OutputFeedback"];
const GATES = /** @type {Record<string, number>} */ ({ vanilla: 1, lstm: 4, gru: 3 });

/**
 * Read a model from the bytes of its file.
 *
 * @param {ArrayBuffer} file
 * @returns {Model}
 * @throws {BadFile} if the file is damaged, or does not hold the model it announces
 */
export function readModel(file) {
  const { metadata, tensors } = readSafetensors(file);
  if (metadata.format !== "rnnbook-1") {
    throw new BadFile("This safetensors file is not a model of this book (format rnnbook-1).");
  }
  const kind = /** @type {Model["kind"]} */ (metadata.model ?? "CharRNN");
  const hyperparameters = parsed(metadata, "hyperparameters");
  const facts = parsed(metadata, "facts");
  const characters = parsed(metadata, "alphabet");
  // By code points, as Python counts characters.
  const alphabet = typeof characters === "string" ? Array.from(characters) : [];
  if (alphabet.length === 0 || new Set(alphabet).size !== alphabet.length) {
    throw new BadFile("The alphabet is not a text of characters that occur once.");
  }
  if (hyperparameters.alphabet_size !== alphabet.length) {
    throw new BadFile(
      `The alphabet has ${alphabet.length} characters and the model another number.`,
    );
  }
  const { storage } = metadata;
  if (!["float32", "float16", "int8"].includes(storage)) {
    throw new BadFile(`The weights are stored as ${storage}: expected float32, float16 or int8.`);
  }
  const shapes = parameterShapes(kind, hyperparameters);
  /** @type {Map<string, Float32Array>} */
  const weights = new Map();
  for (const [name, shape] of shapes) weights.set(name, unpacked(tensors, name, shape, storage));
  const scales =
    storage === "int8" ? [...shapes.values()].filter((shape) => shape.length === 2) : [];
  if (tensors.size !== shapes.size + scales.length) {
    throw new BadFile("The file holds other tensors than the model it announces.");
  }
  return { kind, hyperparameters, alphabet, facts, weights };
}

/**
 * Build a model as it was before training: the weights that torch draws from its recipe's seed.
 *
 * @param {Model} model
 * @returns {Model}
 */
export function untrained(model) {
  const random = new Random(model.facts.recipe?.seed ?? 0);
  /** @type {Map<string, Float32Array>} */
  const weights = new Map();
  const hidden = model.hyperparameters.hidden_size;
  const shapes = parameterShapes(model.kind, model.hyperparameters);
  for (const [name, shape] of shapes) {
    const weight = new Float32Array(shape.reduce((a, b) => a * b));
    const inputs = name.startsWith("from_") ? model.alphabet.length : hidden;
    if (name === "embedding.weight") random.fillNormal(weight);
    else random.fillUniform(weight, 1 / Math.sqrt(inputs));
    // [I I], whatever was drawn: each of the two parts as it is.
    if (name.startsWith("joint.")) weight.fill(0);
    if (name === "joint.weight")
      for (let i = 0; i < weight.length; i += 2 * hidden + 1) weight[i] = weight[i + hidden] = 1;
    weights.set(name, weight);
  }
  if (model.facts.recipe?.off_centre) {
    // All are drawn again, biases with no spread: see rnnbook/recipes.py.
    for (const [name, weight] of weights) {
      random.fillNormal(weight);
      const spread = shapes.get(name).length > 1 ? 0.1 : 0;
      weight.forEach((normal, i) => (weight[i] = spread * (normal - 1)));
    }
  }
  return { ...model, weights };
}

/** @param {Record<string, string>} metadata @param {string} key */
function parsed(metadata, key) {
  try {
    const value = JSON.parse(metadata[key]);
    if (value !== null) return value;
  } catch {
    // said below
  }
  throw new BadFile(`The header does not say the model's ${key}.`);
}

/**
 * Name a model's parameters and their shapes, in the order in which torch draws them.
 *
 * @param {string} kind
 * @param {Record<string, any>} hyperparameters
 * @returns {Map<string, number[]>}
 */
function parameterShapes(kind, hyperparameters) {
  const { alphabet_size: V, hidden_size: H } = hyperparameters;
  // The others have one layer of plain units, and no embedding.
  const stack = kind === "CharRNN" ? hyperparameters : { cell: "vanilla" };
  const { cell, num_layers: layers = 1, embedding_size: E = null } = stack;
  const sizes = [V, H, layers, E ?? 1];
  if (!sizes.every((size) => Number.isSafeInteger(size) && size >= 1 && size <= 65_536)) {
    throw new BadFile("The model has an impossible size.");
  }
  if (layers > 64) throw new BadFile(`The model announces ${layers} layers.`);
  if (!KINDS.includes(kind) || !Object.hasOwn(GATES, cell)) {
    throw new BadFile(`The sampler knows no model ${kind} with ${cell} cells.`);
  }
  /** @type {[string, number[]][]} */
  const rnn = [];
  if (kind === "OutputFeedback") {
    rnn.push(
      ["from_input.weight", [H, V]],
      ["from_input.bias", [H]],
      ["from_output.weight", [H, V]],
    );
  }
  for (let layer = 0; layer < (kind === "OutputFeedback" ? 0 : layers); layer++) {
    const rows = GATES[cell] * H;
    rnn.push(
      [`rnn.weight_ih_l${layer}`, [rows, layer ? H : (E ?? V)]],
      [`rnn.weight_hh_l${layer}`, [rows, H]],
    );
    rnn.push([`rnn.bias_ih_l${layer}`, [rows]], [`rnn.bias_hh_l${layer}`, [rows]]);
  }
  if (E !== null) rnn.unshift(["embedding.weight", [V, E]]);
  rnn.push(["head.weight", [V, H]], ["head.bias", [V]]);
  if (kind === "HiddenFeedback" && hyperparameters.combine === "concat") {
    rnn.push(["joint.weight", [H, 2 * H]], ["joint.bias", [H]]);
  }
  const weights = rnn.reduce((sum, [, shape]) => sum + shape.reduce((a, b) => a * b), 0);
  if (weights > WEIGHT_LIMIT) {
    throw new BadFile(`The model announces ${weights} weights, too many for a page.`);
  }
  return new Map(rnn);
}

/**
 * @param {Map<string, Tensor>} tensors
 * @param {string} name
 * @param {number[]} shape
 * @param {string} storage
 */
function unpacked(tensors, name, shape, storage) {
  const integers = storage === "int8" && shape.length === 2;
  const dtype = integers ? "I8" : storage === "float16" ? "F16" : "F32";
  const { bytes } = checked(tensors, name, shape, dtype);
  const weights = new Float32Array(shape.reduce((a, b) => a * b));
  if (integers) {
    const scales = checked(tensors, `${name}.scale`, [shape[0]], "F32").bytes;
    const integral = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const columns = shape[1];
    for (let row = 0; row < shape[0]; row++) {
      const scale = scales.getFloat32(4 * row, true);
      if (!(scale > 0 && scale < Infinity)) {
        throw new BadFile(`${name}.scale is not made of positive numbers.`);
      }
      const end = (row + 1) * columns;
      for (let i = row * columns; i < end; i++) weights[i] = integral[i] * scale;
    }
  } else {
    for (let i = 0; i < weights.length; i++) {
      weights[i] =
        dtype === "F16" ? HALVES[bytes.getUint16(2 * i, true)] : bytes.getFloat32(4 * i, true);
    }
  }
  // A difference with itself is 0 unless something in it is infinite or no number.
  let doubt = 0;
  for (let i = 0; i < weights.length; i++) doubt += weights[i] - weights[i];
  if (doubt !== 0) throw new BadFile(`${name} is not made of finite numbers.`);
  return weights;
}

/**
 * @param {Map<string, Tensor>} tensors
 * @param {string} name
 * @param {number[]} shape
 * @param {string} dtype
 */
function checked(tensors, name, shape, dtype) {
  const tensor = tensors.get(name);
  if (!tensor) throw new BadFile(`The file lacks the tensor ${name}.`);
  if (tensor.dtype !== dtype || tensor.shape.join() !== shape.join()) {
    throw new BadFile(
      `${name} is ${tensor.dtype} (${tensor.shape.join(", ")}), ` +
        `expected ${dtype} (${shape.join(", ")}).`,
    );
  }
  return tensor;
}

// Every half-precision number by its bits: sign, five bits of exponent, ten of fraction.
const HALVES = Float32Array.from({ length: 65_536 }, (_, bits) => {
  const exponent = (bits >> 10) & 31;
  const fraction = (bits & 1023) / 1024;
  const size =
    exponent === 31
      ? fraction
        ? NaN
        : Infinity
      : exponent
        ? 2 ** (exponent - 15) * (1 + fraction)
        : 2 ** -14 * fraction;
  return bits >> 15 ? -size : size;
});
