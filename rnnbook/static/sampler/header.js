// Choosers for a tune's metre, which is also its rhythm, and its key. They write its fields at the
// top of the prompt; an opening that follows them stays.

import { chooser, element, labelled } from "./elements.js";

/** @typedef {import("./controls.js").Form} Form */

const FIELDS = /^\s*(?:[A-Z]:(?![|:]).*\n?)*/;

export class Header {
  /** @param {Form} form @param {HTMLTextAreaElement} prompt */
  constructor(form, prompt) {
    this.form = form;
    this.prompt = prompt;
    const rhythm = (/** @type {string} */ metre) => `${metre}: ${form.rhythms[metre]}`;
    this.metre = chooser(Object.keys(form.metres).map((metre) => [metre, rhythm(metre)]));
    this.key = chooser(form.keys.map((key) => [key, key]));
    this.metre.onchange = this.key.onchange = () => this.write();
    prompt.addEventListener("input", () => this.show());
    this.element = element(
      "div",
      { className: "fields" },
      labelled("Metre and rhythm", this.metre),
      labelled("Key", this.key),
    );
  }

  /** Choose what the prompt says; nothing, where that is not on the list. */
  show() {
    this.metre.value = this.field("M");
    this.key.value = this.field("K");
  }

  write() {
    const { metres, keys } = this.form;
    const metre = this.metre.value || this.field("M") || Object.keys(metres)[0];
    const unit = metres[metre] ?? (this.field("L") || "1/8");
    const key = this.key.value || this.field("K") || keys[0];
    const opening = this.prompt.value.replace(FIELDS, "");
    this.prompt.value = `M:${metre}\nL:${unit}\nK:${key}\n${opening}`;
    this.prompt.dispatchEvent(new Event("input"));
  }

  /** @param {string} letter */
  field(letter) {
    return this.prompt.value.match(new RegExp(`^${letter}:(.*)`, "m"))?.[1] ?? "";
  }
}
