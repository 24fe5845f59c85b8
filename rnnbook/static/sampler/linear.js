// A matrix and a bias, v ↦ W v + b: nearly all that a model computes, so nearly all its time.
//
// The product is a WebAssembly function of some hundred bytes, put together below from its
// instructions. It takes four columns at once, in four sums that do not wait for one another.

export class Linear {
  /** @param {Float32Array} weight row by row @param {Float32Array} bias */
  constructor(weight, bias) {
    const rows = bias.length;
    const columns = weight.length / rows;
    const width = Math.ceil(columns / 16) * 16; // a row is padded with zeros
    const v = rows * width; // the places of v, b and the result, after those of W
    const b = v + width;
    const out = b + rows;
    const end = out + rows;
    const memory = new WebAssembly.Memory({ initial: Math.ceil((4 * end) / 65_536) });
    const all = new Float32Array(memory.buffer);
    for (let row = 0; row < rows; row++) {
      all.set(weight.subarray(row * columns, (row + 1) * columns), row * width);
    }
    all.set(bias, b);
    this.v = all.subarray(v, v + columns);
    this.out = all.subarray(out, end);
    const { product } = new WebAssembly.Instance(compiled(), { "": { memory } }).exports;
    const bytes = [v, b, b, out, end].map((place) => 4 * place); // v ends where b begins
    this.multiply = () => /** @type {Function} */ (product)(...bytes);
  }

  /**
   * @param {Float32Array} v
   * @returns {Float32Array} the same array each time
   */
  of(v) {
    this.v.set(v);
    this.multiply();
    return this.out;
  }
}

/** @type {WebAssembly.Module | undefined} */
let once;

function compiled() {
  return (once ??= new WebAssembly.Module(Uint8Array.from(moduleBytes())));
}

/** The module's bytes, as the WebAssembly specification lays them out. */
function moduleBytes() {
  const [I32, V128, NOTHING] = [0x7f, 0x7b, 0x40];
  // The function's parameters, places in memory, and its variables.
  const [V, V_END, BIAS, OUT, OUT_END, W, X, ...SUMS] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
  const get = (/** @type {number} */ local) => [0x20, local];
  const set = (/** @type {number} */ local) => [0x21, local];
  const advance = (/** @type {number} */ local, /** @type {number} */ bytes) => [
    ...get(local), ...[0x41, ...leb128(bytes, true)], 0x6a, ...set(local), // i32.const, i32.add
  ];
  // loop … while a < b: i32.lt_u, br_if
  const loop = (/** @type {number[]} */ body, /** @type {number} */ a, /** @type {number} */ b) => [
    0x03, NOTHING, ...body, ...get(a), ...get(b), 0x49, 0x0d, 0, 0x0b,
  ];
  const loadFour = (/** @type {number} */ local, /** @type {number} */ offset) => [
    ...get(local), 0xfd, 0x00, 4, offset, // v128.load, aligned to 2⁴ bytes
  ];
  const [mulFour, addFour] = [[0xfd, 0xe6, 0x01], [0xfd, 0xe4, 0x01]]; // f32x4.mul, f32x4.add

  const row = [
    ...get(V), ...set(X),
    ...SUMS.flatMap((sum) => [0xfd, 0x0c, ...Array(16).fill(0), ...set(sum)]), // v128.const
    ...loop([
      ...SUMS.flatMap((sum, i) => [
        ...get(sum), ...loadFour(W, 16 * i), ...loadFour(X, 16 * i), ...mulFour, ...addFour,
        ...set(sum),
      ]),
      ...advance(W, 64), ...advance(X, 64),
    ], X, V_END),
    ...get(SUMS[0]), ...SUMS.slice(1).flatMap((sum) => [...get(sum), ...addFour]), ...set(SUMS[0]),
    ...get(OUT),
    ...get(BIAS), 0x2a, 2, 0, // f32.load
    // f32x4.extract_lane, f32.add
    ...[0, 1, 2, 3].flatMap((lane) => [...get(SUMS[0]), 0xfd, 0x1f, lane, 0x92]),
    0x38, 2, 0, // f32.store
    ...advance(BIAS, 4), ...advance(OUT, 4),
  ];
  const variables = [2, 2, I32, SUMS.length, V128];
  const code = [...variables, ...loop(row, OUT, OUT_END), 0x0b];
  return [
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0], // "\0asm", version 1
    ...section(1, [1, 0x60, 5, ...Array(5).fill(I32), 0]), // one type: five integers, no result
    ...section(2, [1, 0, ...named("memory"), 2, 0, 0]), // the memory is given
    ...section(3, [1, 0]), // one function of that type
    ...section(7, [1, ...named("product"), 0, 0]), // which is exported
    ...section(10, [1, ...leb128(code.length), ...code]),
  ];
}

/** @param {number} id @param {number[]} content */
function section(id, content) {
  return [id, ...leb128(content.length), ...content];
}

/** @param {string} text */
function named(text) {
  return [text.length, ...Array.from(text, (letter) => letter.charCodeAt(0))];
}

/** A number below 2¹³ in groups of seven bits, the last first. @param {number} value */
function leb128(value, signed = false) {
  return value < (signed ? 64 : 128) ? [value] : [(value & 127) | 128, value >> 7];
}
