// Read the container of a safetensors file, and trust nothing in it.
//
// A length or an offset is believed only once it is shown to lie within the bytes that are there:
// nothing is allocated, and no view is made, before that.

/** A file that is damaged, hostile or not what it says. */
export class BadFile extends Error {
  /** @param {string} message what it quotes from the file may be of any length */
  constructor(message) {
    super(message.length > 300 ? `${message.slice(0, 300)} …` : message);
  }
}

/**
 * @typedef {object} Tensor
 * @property {"F32" | "F16" | "I8"} dtype
 * @property {number[]} shape
 * @property {DataView} bytes little-endian, row by row
 */

const HEADER_LIMIT = 10_000_000; // bytes; a header of this book has a few thousand
const SIZES = /** @type {Record<string, number>} */ ({ F32: 4, F16: 2, I8: 1 });

/**
 * Take a file apart.
 *
 * @param {ArrayBuffer} file
 * @returns {{metadata: Record<string, string>, tensors: Map<string, Tensor>}}
 * @throws {BadFile} if it is not a complete file of float32, float16 and int8 tensors that lie end
 *   to end; the message names what is wrong
 */
export function readSafetensors(file) {
  if (file.byteLength < 8) throw new BadFile("The file is too short to be a safetensors file.");
  const claimed = new DataView(file).getBigUint64(0, true);
  if (claimed > file.byteLength - 8 || claimed > HEADER_LIMIT) {
    throw new BadFile(
      `The file announces a header of ${claimed} bytes and has ${file.byteLength} in all: ` +
        "it is cut off, or no safetensors file.",
    );
  }
  const start = 8 + Number(claimed);
  const { __metadata__: metadata = {}, ...entries } = parsedHeader(file, start);
  if (!isObject(metadata) || !Object.values(metadata).every((value) => typeof value === "string")) {
    throw new BadFile("The header's metadata are not texts by name.");
  }
  /** @type {Map<string, Tensor>} */
  const tensors = new Map();
  let end = 0;
  for (const [name, { dtype, shape, range }] of inOrder(entries)) {
    if (range[0] !== end) {
      throw new BadFile(
        `${name} begins at byte ${range[0]}, expected ${end}: tensors overlap or leave holes.`,
      );
    }
    end = range[1];
    if (end > file.byteLength - start) {
      throw new BadFile(
        `${name} ends at byte ${end}, and there are ${file.byteLength - start}: ` +
          "the file is cut off.",
      );
    }
    tensors.set(name, {
      dtype,
      shape,
      bytes: new DataView(file, start + range[0], end - range[0]),
    });
  }
  if (end !== file.byteLength - start) {
    throw new BadFile(`The tensors end at byte ${end}, and there are ${file.byteLength - start}.`);
  }
  return { metadata: /** @type {Record<string, string>} */ (metadata), tensors };
}

/** @param {ArrayBuffer} file @param {number} start */
function parsedHeader(file, start) {
  let header;
  try {
    header = JSON.parse(
      new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array(file, 8, start - 8)),
    );
  } catch (error) {
    throw new BadFile(`The header is not JSON (${/** @type {Error} */ (error).message}).`);
  }
  if (!isObject(header)) throw new BadFile("The header is not a JSON object.");
  return header;
}

/** Check each tensor's entry by itself; sort them by where they begin. @param {object} entries */
function inOrder(entries) {
  const checked = Object.entries(entries).map(([name, entry]) => {
    if (!isObject(entry)) throw new BadFile(`${name} has no description.`);
    const { dtype, shape, data_offsets: range } = entry;
    if (!Object.hasOwn(SIZES, dtype)) {
      throw new BadFile(
        `${name} is ${JSON.stringify(dtype)}, expected one of ${Object.keys(SIZES).join(", ")}.`,
      );
    }
    if (!isCounts(shape)) throw new BadFile(`${name} has no valid shape.`);
    if (!isCounts(range) || range.length !== 2 || range[0] > range[1]) {
      throw new BadFile(`${name} has impossible offsets: ${JSON.stringify(range)}.`);
    }
    const size = shape.reduce((product, length) => product * length, SIZES[dtype]);
    if (size !== range[1] - range[0]) {
      throw new BadFile(
        `${name} needs ${size} bytes for its shape and has ${range[1] - range[0]}.`,
      );
    }
    return /** @type {[string, {dtype: Tensor["dtype"], shape: number[], range: number[]}]} */ ([
      name,
      { dtype, shape, range },
    ]);
  });
  return checked.sort(([, a], [, b]) => a.range[0] - b.range[0] || a.range[1] - b.range[1]);
}

/** @param {unknown} value @returns {value is Record<string, any>} */
function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** @param {unknown} value @returns {value is number[]} */
function isCounts(value) {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}
