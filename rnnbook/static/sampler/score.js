// A tune as a score, by abcjs, which is fetched when the reader first asks for a score.

import { abcFile } from "./abc.js";

/**
 * @typedef {import("./abc.js").Abc} Abc
 *
 * @typedef {object} Note
 * @property {number} pitch in semitones, 60 for the middle C
 * @property {number} start in whole notes, as is its duration
 * @property {number} duration
 * @property {number} volume 0 to 127
 * @property {Element[]} elements what shows it in the score
 *
 * @typedef {object} Score
 * @property {Note[]} notes in the order in which they sound, repeats played out; none where the
 *   tune cannot be played
 * @property {string[]} warnings
 */

// To move to another version: take the hash from the file in the npm package.
//   npm pack abcjs@X && tar -xOf abcjs-X.tgz package/dist/abcjs-basic-min.js |
//   openssl dgst -sha384 -binary | base64
const ADDRESS = "https://cdn.jsdelivr.net/npm/abcjs@6.7.2/dist/abcjs-basic-min.js";
const INTEGRITY = "sha384-Krv/BCaWJLV9H685MWfrINhbvpWvnnBfQds5IVDXSsFtjUG5UzAV9x1dvqNhASXV";
export const WHAT = "abcjs 6.7.2, about 150 kB, from cdn.jsdelivr.net";

/** @type {Promise<any> | undefined} */
let fetching;
/** @type {any} what abcjs exports, once it is there */
export let abcjs;

/** Fetch abcjs, at most once in a page. @returns {Promise<void>} */
export async function fetchAbcjs() {
  fetching ??= runScript(ADDRESS, INTEGRITY);
  try {
    await fetching;
    abcjs = /** @type {any} */ (window).ABCJS;
  } catch (error) {
    fetching = undefined; // the reader may try again
    throw error;
  }
}

/** @param {string} src @param {string} integrity */
function runScript(src, integrity) {
  const page = /** @type {any} */ (window);
  const { define } = page;
  const script = Object.assign(document.createElement("script"), { src, integrity });
  script.crossOrigin = "anonymous";
  const done = new Promise((resolve, reject) => {
    script.onload = resolve;
    script.onerror = () =>
      reject(
        new Error(
          "The score needs abcjs, and it could not be fetched: there is no connection, or the " +
            "file is not the one this page knows. The text above is all there.",
        ),
      );
  });
  page.define = undefined; // where a notebook has require.js, abcjs would go there instead
  document.head.append(script);
  return done.finally(() => {
    page.define = define;
    script.remove();
  });
}

/**
 * Engrave a tune. abcjs must be there.
 *
 * @param {Abc} tune
 * @param {HTMLElement} place
 * @returns {Score}
 * @throws {Error} if abcjs cannot make anything of it
 */
export function engrave(tune, place) {
  const paper = document.createElement("div"); // abcjs leaves its styles on it
  place.replaceChildren(paper);
  try {
    const [drawn] = abcjs.renderAbc(paper, abcFile(tune), {
      ariaLabel: `Score: ${tune.header.replaceAll("\n", ", ")}`,
      responsive: "resize",
      selectTypes: false,
      // Less what abcjs leaves free on both sides; on a phone, made smaller to fit.
      staffwidth: Math.max(450, place.clientWidth - 30),
      wrap: { minSpacing: 1.8, maxSpacing: 2.7, preferredMeasuresPerLine: 4 },
    });
    return { notes: playedOut(drawn), warnings: (drawn.warnings ?? []).map(plain) };
  } catch (error) {
    place.replaceChildren();
    throw new Error("abcjs can make nothing of this: it is too far from a tune.", { cause: error });
  }
}

/** @param {any} drawn @returns {Note[]} */
function playedOut(drawn) {
  /** @type {any[]} */
  let events;
  try {
    events = drawn.setUpAudio({ chordsOff: true }).tracks.flat();
  } catch {
    return []; // it loses its way where an ending has no end
  }
  return events
    .filter(({ cmd, duration }) => cmd === "note" && duration > 0) // broken signs make it negative
    .map((note) => ({
      ...note,
      elements: drawn.getElementFromChar(note.startChar)?.abselem?.elemset ?? [],
    }));
}

/**
 * Say in words what a warning says in HTML: only its kind and its place in the music.
 *
 * @param {string} warning
 */
function plain(warning) {
  const [, line, column, kind] = warning.match(/^Music Line:(\d+):(\d+): (.*?): {2}/s) ?? [];
  return kind ? `${kind} (line ${line}, character ${column})` : "something it cannot read";
}

/**
 * Write a tune as a MIDI file. abcjs must be there.
 *
 * @param {string} abc
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function midiFile(abc) {
  return abcjs.synth.getMidiFile(abc, { midiOutputType: "binary", chordsOff: true })[0];
}
