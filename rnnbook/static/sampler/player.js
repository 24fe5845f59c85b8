// Plays a tune, and lights in its score the notes that sound.

import { schedule } from "./synth.js";

const AHEAD = 0.1; // seconds from the press of a button to the first note

/** @typedef {import("./score.js").Note} Note */

export class Player {
  /** @param {() => void} onstop is called when it stops, also by itself at the end */
  constructor(onstop) {
    this.onstop = onstop;
    /** @type {AudioContext | undefined} */
    this.context = undefined;
    /** @type {Element[]} */
    this.lit = [];
    this.whole = 0; // seconds in a whole note
    this.from = 0; // whole notes into the tune
    this.began = 0; // where the tune's beginning is on the context's clock, in seconds
  }

  get playing() {
    return this.context !== undefined;
  }

  /** Where it is in the tune, in whole notes. */
  get position() {
    // Before the first note sounds, the clock is before it too.
    return Math.max(this.from, (this.context.currentTime - this.began) / this.whole);
  }

  /**
   * @param {Note[]} notes
   * @param {number} whole seconds in a whole note
   * @param {number} from whole notes into the tune
   */
  play(notes, whole, from = 0) {
    this.stop();
    const context = new AudioContext();
    this.context = context;
    this.whole = whole;
    this.from = from;
    this.began = context.currentTime + AHEAD - from * whole;
    const ahead = notes.filter(({ start }) => start >= from);
    schedule(context, ahead, whole, this.began);
    const end = Math.max(...notes.map(({ start, duration }) => start + duration));
    const follow = () => {
      if (this.context !== context) return;
      const { position } = this;
      if (position > end) return this.stop();
      const sounding = ahead.filter((n) => n.start <= position && position < n.start + n.duration);
      this.light(sounding.flatMap(({ elements }) => elements));
      requestAnimationFrame(follow);
    };
    follow();
  }

  /** @param {Element[]} elements */
  light(elements) {
    const without = (/** @type {Element[]} */ all, /** @type {Element[]} */ others) =>
      all.filter((one) => !others.includes(one));
    for (const element of without(this.lit, elements)) element.classList.remove("sounding");
    for (const element of without(elements, this.lit)) element.classList.add("sounding");
    this.lit = elements;
  }

  stop() {
    this.context?.close();
    this.context = undefined;
    this.light([]);
    this.onstop();
  }
}
