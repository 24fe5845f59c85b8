// A tune below its text, for a reader who asks: its score, its sound, and both as files.

import { abcFile, lastTune } from "./abc.js";
import { button, element, labelled, save } from "./elements.js";
import { Player } from "./player.js";
import { WHAT, abcjs, engrave, fetchAbcjs, midiFile } from "./score.js";

export class Tune {
  /** @param {string} name of who writes the tunes */
  constructor(name) {
    this.title = `T:A tune by ${name.replace(/\s+/g, " ")}`;
    this.text = "";
    /** @type {import("./score.js").Note[]} */
    this.notes = [];

    this.ask = button("Score and sound", () => this.fetch());
    this.offered = element("p", {}, this.ask, ` fetches ${WHAT}, once.`);
    this.message = element("p", { className: "status", role: "status", tabIndex: -1 });
    this.score = element("div", { className: "score" });
    this.toggle = button("Play", () => (this.player.playing ? this.player.stop() : this.play()));
    this.player = new Player(() => (this.toggle.textContent = "Play"));
    this.tempo = element("input", { type: "range", min: "60", max: "300", value: "150" });
    this.tempoName = element("span");
    this.tempo.oninput = () => this.showTempo();
    this.tempo.onchange = () => this.player.playing && this.play(this.player.position);
    this.controls = element(
      "div",
      {},
      element(
        "div",
        { className: "buttons" },
        this.toggle,
        button("Download MIDI", () => save("tune.mid", midiFile(this.file), "audio/midi")),
      ),
      labelled(this.tempoName, this.tempo),
    );
    this.element = element(
      "div",
      { className: "tune" },
      this.offered,
      element("div", { className: "buttons" }, button("Download ABC", () => this.saveAbc())),
      this.message,
      this.controls,
      this.score,
    );
    this.clear();
  }

  clear() {
    this.player.stop();
    this.element.hidden = this.controls.hidden = true;
    this.message.textContent = "";
    this.score.replaceChildren();
  }

  /** Take a text that was just written. @param {string} text */
  offer(text) {
    this.text = text;
    this.element.hidden = false;
    if (abcjs) this.show();
  }

  async fetch() {
    this.ask.disabled = true;
    this.message.textContent = "Fetching abcjs …";
    try {
      await fetchAbcjs();
      this.show();
      (this.controls.hidden ? this.message : this.toggle).focus(); // what was pressed is gone
    } catch (error) {
      this.message.textContent = /** @type {Error} */ (error).message;
    }
    this.ask.disabled = false;
  }

  show() {
    this.offered.hidden = true;
    try {
      const abc = lastTune(this.text);
      const { notes, warnings } = engrave(abc, this.score);
      this.notes = notes;
      this.message.textContent = remarks(abc.leftOut, warnings, notes.length > 0);
      this.controls.hidden = notes.length === 0;
      this.showTempo();
    } catch (error) {
      this.message.textContent = /** @type {Error} */ (error).message;
    }
  }

  /** Seconds in a whole note. */
  get whole() {
    return 240 / this.tempo.valueAsNumber;
  }

  showTempo() {
    const end = Math.max(...this.notes.map(({ start, duration }) => start + duration));
    const seconds = Math.round(end * this.whole);
    this.tempoName.textContent = `Tempo ${this.tempo.value} quarter notes a minute: ${seconds} s`;
  }

  /** @param {number} [from] whole notes into the tune */
  play(from) {
    this.player.play(this.notes, this.whole, from);
    this.toggle.textContent = "Stop playing";
  }

  /** The tune as a file in ABC. */
  get file() {
    return abcFile(lastTune(this.text), this.title, `Q:1/4=${this.tempo.value}`);
  }

  /** Needs no score, so it works without a network. */
  saveAbc() {
    try {
      save("tune.abc", this.file, "text/vnd.abc");
    } catch (error) {
      this.message.textContent = /** @type {Error} */ (error).message;
    }
  }
}

/**
 * Say what of a text is not in its score.
 *
 * @param {string[]} leftOut
 * @param {string[]} warnings
 * @param {boolean} plays
 */
function remarks(leftOut, warnings, plays) {
  const some = (/** @type {string[]} */ all) =>
    all.slice(0, 3).join(", ") + (all.length > 3 ? `, and ${all.length - 3} more` : "");
  const quoted = leftOut.map((what) => `“${what.slice(0, 40)}”`);
  return [
    leftOut.length && `Left out of the score, since it is no music: ${some(quoted)}.`,
    warnings.length && `The score is a guess where abcjs finds this: ${some(warnings)}.`,
    !plays && "It cannot be played: a repeat or an ending in it has no end.",
  ]
    .filter(Boolean)
    .join(" ");
}
