// A text that a model wrote, one element a character: shaded, and each with its rivals.

import { button, element, labelled, named, percent, save } from "./elements.js";

/**
 * @typedef {import("./worker.js").Written} Written
 * @typedef {"probability" | "unit" | "nothing"} Shading
 */

// From the likeliest down. Each step has its own underline too: see sampler.css.
const STEPS = [0.5, 0.2, 0.05, 0];
// From the most negative up.
const LEVELS = [-0.6, -0.3, -0.1, 0.1, 0.3, 0.6];
/** @type {Record<Shading, {intro: string, kind: string, names: string[]}>} */
const LEGENDS = {
  probability: {
    intro: "The model gave it",
    kind: "p",
    names: ["50 % or more", "20 to 50 %", "5 to 20 %", "under 5 %"],
  },
  unit: {
    intro: "Its activation is",
    kind: "u",
    names: [
      "below −0.6",
      "−0.6 to −0.3",
      "−0.3 to −0.1",
      "near 0",
      "0.1 to 0.3",
      "0.3 to 0.6",
      "above 0.6",
    ],
  },
  nothing: { intro: "", kind: "", names: [] },
};

export class WrittenText {
  /**
   * @param {(message: string) => void} say tells the reader what happened
   * @param {Partial<HTMLElement>} language of the text
   */
  constructor(say, language) {
    /** @type {Written[]} */
    this.written = [];
    this.prompt = "";
    /** @type {Shading} */
    this.shading = "probability";
    this.heading = element("p", { className: "title" });
    this.prelude = element("span", { className: "prompt" });
    this.characters = element("span");
    this.characters.addEventListener("pointerover", (event) => this.lookAtElement(event.target));
    this.characters.addEventListener("click", (event) => this.lookAtElement(event.target));
    this.legend = element("p", { className: "legend" });
    this.position = element("input", { type: "number", min: "1", value: "1" });
    this.position.oninput = this.position.onfocus = () =>
      this.lookAt(this.position.valueAsNumber - 1);
    this.rivals = element("p", { className: "rivals" });
    this.rivals.setAttribute("aria-live", "polite");
    this.after = element(
      "div",
      { className: "after", hidden: true },
      this.legend,
      element(
        "div",
        { className: "look" },
        labelled("Look at character", this.position),
        this.rivals,
      ),
      element(
        "div",
        { className: "buttons" },
        button("Copy", () => this.copy(say)),
        button("Download", () => this.download()),
      ),
    );
    this.element = element(
      "div",
      { className: "written" },
      this.heading,
      element("div", { className: "text", ...language }, this.prelude, this.characters),
      this.after,
    );
  }

  /** What the model added to the prompt. @returns {string} */
  get text() {
    return this.written.map(({ character }) => character).join("");
  }

  /**
   * @param {string} title
   * @param {string} prompt
   * @param {Shading} shading
   */
  begin(title, prompt, shading) {
    this.heading.textContent = title;
    this.prompt = prompt;
    this.shading = shading;
    this.written = [];
    this.prelude.textContent = prompt;
    this.characters.replaceChildren();
    this.rivals.textContent = "Point at a character, tap it, or give its number.";
    this.after.hidden = true;
  }

  /** @param {Written[]} written */
  append(written) {
    const first = this.written.length;
    this.written.push(...written);
    this.characters.append(
      ...written.map(({ character }) => element("span", { textContent: character })),
    );
    this.shadeFrom(first);
    this.position.max = String(this.written.length);
  }

  /**
   * @param {Shading} shading
   * @param {number[]} [activations] of the unit to show, one a character
   */
  shade(shading, activations = []) {
    this.shading = shading;
    this.written.forEach((written, index) => (written.activation = activations[index]));
    this.shadeFrom(0);
    this.showLegend();
  }

  /** @param {number} first */
  shadeFrom(first) {
    for (let index = first; index < this.written.length; index++) {
      this.characters.children[index].className = this.classOf(this.written[index]);
    }
  }

  /** @param {Written} written */
  classOf({ probability, activation }) {
    if (this.shading === "probability") return `p${STEPS.findIndex((step) => probability >= step)}`;
    if (this.shading === "unit" && activation !== undefined) return `u${levelOf(activation)}`;
    return "";
  }

  showLegend() {
    const { intro, kind, names } = LEGENDS[this.shading];
    const samples = names.flatMap((name, index) => [
      " ",
      element("span", { className: `${kind}${index}`, textContent: name }),
    ]);
    this.legend.replaceChildren(intro, ...samples);
  }

  /** Show what can be done with a text that is there. */
  finish() {
    this.after.hidden = this.written.length === 0;
  }

  /** @param {EventTarget} target */
  lookAtElement(target) {
    const index = Array.prototype.indexOf.call(this.characters.children, target);
    if (index >= 0) {
      this.position.value = String(index + 1);
      this.lookAt(index);
    }
  }

  /** @param {number} index */
  lookAt(index) {
    this.characters.querySelector(".looked-at")?.classList.remove("looked-at");
    const written = this.written[index];
    if (!written) return;
    this.characters.children[index].classList.add("looked-at");
    const { character, probability, rivals, activation } = written;
    const best = rivals.map(([rival, share]) => `${named(rival)} ${percent(share)}`).join(", ");
    const unit =
      this.shading === "unit" && activation !== undefined
        ? ` The unit is at ${activation.toFixed(2)}.`
        : "";
    const own = `${named(character)} had ${percent(probability)}.`;
    this.rivals.textContent = `${own} The likeliest: ${best}.${unit}`;
  }

  /** @param {(message: string) => void} say */
  async copy(say) {
    try {
      await navigator.clipboard.writeText(this.prompt + this.text);
      say("Copied.");
    } catch {
      say("This browser does not let the page copy: select the text and copy it yourself.");
    }
  }

  download() {
    save("sample.txt", this.prompt + this.text, "text/plain");
  }
}

/** @param {number} activation @returns {number} 0 to 6, 3 near zero */
function levelOf(activation) {
  return LEVELS.filter((level) => activation > level).length;
}
