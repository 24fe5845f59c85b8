// From scores to a character: the same rules as `distribution` and `_draw` in rnnbook/sampling.py.

/** @typedef {import("./random.js").Random} Random */

/**
 * @typedef {object} Choice
 * @property {number} temperature 0 or more; at 0 the most likely character has all the probability
 * @property {number | null} topK keep only the k most likely characters
 * @property {number | null} topP keep only the most likely that together reach this probability
 */

/**
 * @param {ArrayLike<number>} scores
 * @param {number} [temperature] above 0
 * @returns {Float64Array} probabilities that sum to 1
 */
export function softmax(scores, temperature = 1) {
  const p = Float64Array.from(scores);
  const highest = p.reduce((a, b) => Math.max(a, b));
  let sum = 0;
  for (let i = 0; i < p.length; i++) sum += p[i] = Math.exp((p[i] - highest) / temperature);
  for (let i = 0; i < p.length; i++) p[i] /= sum;
  return p;
}

/**
 * Turn scores into the probabilities to draw from.
 *
 * @param {Float32Array} scores
 * @param {Choice} choice
 * @returns {Float64Array}
 */
export function distribution(scores, { temperature, topK, topP }) {
  if (temperature === 0) {
    const p = new Float64Array(scores.length);
    p[scores.indexOf(scores.reduce((a, b) => Math.max(a, b)))] = 1;
    return p;
  }
  const p = softmax(scores, temperature);
  if (topK === null && topP === null) return p;
  let before = 0; // what the likelier characters have together
  let kept = 0;
  mostLikely(p).forEach((index, rank) => {
    const probability = p[index];
    // A character stays while those before it fall short, so the first always does.
    if (rank >= (topK ?? Infinity) || before >= (topP ?? Infinity)) p[index] = 0;
    before += probability;
    kept += p[index];
  });
  return p.map((probability) => probability / kept);
}

/**
 * Draw an index: where a random point falls on the cumulative sum.
 *
 * @param {Float64Array} p
 * @param {Random} random
 * @returns {number}
 */
export function draw(p, random) {
  // Scaled to the sum, because rounding may leave that a little below 1.
  const point = random.double() * p.reduce((a, b) => a + b);
  let end = 0;
  return p.findIndex((probability) => (end += probability) > point);
}

/**
 * @param {Float64Array} p
 * @returns {number[]} all indices, the most likely first
 */
export function mostLikely(p) {
  return Array.from(p.keys()).sort((a, b) => p[b] - p[a]);
}
