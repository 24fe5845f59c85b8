// What of a text is a tune in ABC: its metre, unit and key, then signs of notes, rests and bars.
//
// All else is left out, whoever wrote it: words and decorations, comments, instructions, other
// fields. So nothing in a text reaches the page through a score but as music.

/**
 * @typedef {object} Abc
 * @property {string} header its fields, each on a line
 * @property {string} body
 * @property {string[]} leftOut
 */

/** @type {Record<string, RegExp>} */
const HEADER = {
  M: /^(?:C\|?|(?:[1-9]|1\d)\/(?:1|2|4|8|16))$/,
  L: /^1\/(?:1|2|4|8|16|32)$/,
  K: /^[A-G][#b]? ?[A-Za-z]{0,10}$/,
};
const FIELD = /^([A-Za-z]):(?![|:])(.*)/;
// Words, decorations, a comment, a field within the music; signs that mean no sound; and numbers
// that would keep abcjs busy for ever.
const NOT_MUSIC = new RegExp(
  [
    /"[^"]*"?|![^!]*!|\+[^+]*\+|%.*|\[[A-Za-z]:[^\]]*\]?/,
    /[^A-Ga-gxz\d\s[\](){}|:'<>,=^_/-]+/,
    /\d{3,}|-\d{2,}|[,'/]{5,}|[<>]{4,}/,
  ]
    .map(({ source }) => source)
    .join("|"),
  "g",
);

/**
 * Find the last tune in a text, such as a prompt and what a model wrote after it.
 *
 * @param {string} text
 * @returns {Abc}
 * @throws {Error} if there is none
 */
export function lastTune(text) {
  const lines = text
    .trim()
    .split(/\n{2,}/)
    .at(-1)
    .split("\n");
  /** @type {Record<string, string>} */
  const fields = {};
  /** @type {string[]} */
  const body = [];
  /** @type {string[]} */
  const leftOut = [];
  for (const line of lines) {
    const [, letter, value] = line.match(FIELD) ?? [];
    if (!fields.K && HEADER[letter]?.test(value.trim())) fields[letter] = value.trim();
    else if (letter) leftOut.push(line);
    // A space in its place: what stood on both sides of it must not become a sign together.
    else body.push(line.replace(NOT_MUSIC, (found) => (leftOut.push(found), " ")));
  }
  const music = body.filter((line) => line.trim()).join("\n");
  if (!fields.K || !/[A-Ga-g]/.test(music))
    throw new Error(
      "There is no tune to show: a tune needs a key, such as K:G, and notes after it.",
    );
  const header = ["M", "L", "K"].filter((letter) => fields[letter]);
  return {
    header: header.map((letter) => `${letter}:${fields[letter]}`).join("\n"),
    body: music,
    leftOut,
  };
}

/**
 * Write a tune as ABC software wants it.
 *
 * @param {Abc} tune
 * @param {...string} fields besides its own
 */
export function abcFile({ header, body }, ...fields) {
  return `${["X:1", ...fields, header, body].join("\n")}\n`;
}
