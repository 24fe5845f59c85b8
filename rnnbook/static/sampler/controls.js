// What the reader can set: the text to write, whose it is, and how it is shaded.

import { button, chooser, element, labelled } from "./elements.js";
import { Header } from "./header.js";

/**
 * @typedef {object} Settings
 * @property {string} prompt
 * @property {number} length characters to write
 * @property {number} temperature
 * @property {number | null} top_k null for all
 * @property {number | null} top_p null for all
 * @property {number} seed
 *
 * @typedef {object} Checkpoint a moment of a model's training
 * @property {string} label
 * @property {string} file
 * @property {number} bytes
 * @property {boolean} fresh the model in the file, but as it was before training
 *
 * @typedef {object} Form what is written, where it is more than text: see rnnbook/forms.py
 * @property {string} [prompt_name]
 * @property {string} [action]
 * @property {string} [language]
 * @property {string} [before]
 * @property {string} [after]
 * @property {string} [until]
 * @property {Record<string, string>} [metres] what has a metre is a tune
 * @property {Record<string, string>} [rhythms] what is danced to each
 * @property {string[]} [keys]
 */

export class Controls {
  /**
   * @param {Settings} settings
   * @param {Checkpoint[]} checkpoints
   * @param {Form} form
   * @param {{changed: (changed: Partial<Settings>) => void, chosen: () => void,
   *   shaded: () => void, generate: () => void, stop: () => void}} tell
   */
  constructor(settings, checkpoints, form, tell) {
    this.fields = {
      prompt: element("textarea", { rows: form.metres ? 5 : 2, required: true, ...spoken(form) }),
      length: number({ min: "1", max: "5000", required: true }),
      temperature: element("input", { type: "range", min: "0", max: "2", step: "0.01" }),
      top_k: number({ min: "1", placeholder: "all" }),
      top_p: number({ min: "0.001", max: "1", step: "any", placeholder: "all" }),
      seed: number({ required: true }),
    };
    this.temperature = element("span");
    for (const [name, field] of Object.entries(this.fields)) {
      field.oninput = () => {
        this.showTemperature();
        const value = this.settings[/** @type {keyof Settings} */ (name)];
        if (field.checkValidity()) tell.changed({ [name]: value });
      };
    }
    const reseed = button("New seed", () => {
      this.set({ seed: Math.floor(Math.random() * 1e6) });
      tell.changed({ seed: this.settings.seed });
    });

    const moments = checkpoints.map(({ label }, index) => [String(index), label]);
    this.checkpoint = chooser(moments);
    this.beside = chooser([["", "nothing"], ...moments]);
    this.checkpoint.onchange = this.beside.onchange = tell.chosen;
    const models = [labelled("Model", this.checkpoint), labelled("Beside it", this.beside)];
    for (const label of models) label.hidden = checkpoints.length < 2;

    this.shadings = chooser([
      ["probability", "probability"],
      ["unit", "a hidden unit"],
      ["nothing", "nothing"],
    ]);
    this.unit = number({ min: "0", value: "0", required: true, disabled: true });
    const unit = labelled("Hidden unit", this.unit);
    unit.hidden = true;
    this.shadings.onchange = this.unit.oninput = () => {
      // What is hidden must not keep the form from being sent.
      unit.hidden = this.unit.disabled = this.shading !== "unit";
      if (this.unit.checkValidity()) tell.shaded();
    };

    this.generate = element("button", {
      type: "submit",
      textContent: form.action ?? "Generate",
      className: "main",
    });
    this.stop = button("Stop", tell.stop);
    const { prompt, length, temperature, top_k, top_p, seed } = this.fields;
    this.header = form.metres && new Header(form, prompt);
    this.element = element(
      "form",
      { onsubmit: (event) => (event.preventDefault(), tell.generate()) },
      this.header?.element ?? "",
      labelled(form.prompt_name ?? "Prompt", prompt),
      element(
        "div",
        { className: "fields" },
        ...models,
        labelled("Characters", length),
        labelled(this.temperature, temperature),
        labelled("Top-k", top_k),
        labelled("Top-p", top_p),
        element("div", { className: "seed" }, labelled("Seed", seed), reseed),
        labelled("Shade by", this.shadings),
        unit,
      ),
      element("div", { className: "buttons" }, this.generate, this.stop),
    );
    this.set(settings);
    this.busy = false;
  }

  /** @returns {Settings} */
  get settings() {
    const { prompt, ...numbers } = this.fields;
    const values = Object.entries(numbers).map(([name, field]) => [
      name,
      field.value === "" ? null : field.valueAsNumber,
    ]);
    // Accents typed apart from their letters are the same text; alphabets have them composed.
    const composed = prompt.value.normalize("NFC");
    return /** @type {Settings} */ ({ prompt: composed, ...Object.fromEntries(values) });
  }

  /** @param {Partial<Settings>} settings */
  set(settings) {
    for (const [name, value] of Object.entries(settings)) {
      const field = this.fields[/** @type {keyof Settings} */ (name)];
      const text = value === null ? "" : String(value);
      if (field.value !== text) field.value = text; // where the reader types it stands already
    }
    this.showTemperature();
    this.header?.show();
  }

  showTemperature() {
    const { temperature } = this.fields;
    this.temperature.textContent = `Temperature ${temperature.valueAsNumber.toFixed(2)}`;
  }

  get shading() {
    return /** @type {import("./written_text.js").Shading} */ (this.shadings.value);
  }

  /** The hidden unit to shade by. @returns {number | null} */
  get watched() {
    return this.shading === "unit" ? this.unit.valueAsNumber : null;
  }

  /** Whether a text is being written. */
  get busy() {
    return this.generate.disabled;
  }

  set busy(busy) {
    const [off, on] = busy ? [this.generate, this.stop] : [this.stop, this.generate];
    on.disabled = false;
    // A button that is disabled loses the focus, and who uses the keyboard their place.
    if (off === document.activeElement) on.focus();
    off.disabled = true;
  }

  /** @param {number} count */
  set units(count) {
    this.unit.max = String(count - 1);
    if (this.unit.valueAsNumber >= count) this.unit.value = this.unit.max;
  }
}

/** @param {Partial<HTMLInputElement>} limits */
function number(limits) {
  return element("input", { type: "number", step: "1", ...limits });
}

/** @param {Form} form @returns {{lang?: string}} the language that its text is in */
export function spoken({ language }) {
  return language ? { lang: language } : {};
}
