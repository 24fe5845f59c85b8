// The sampler: controls, one or two texts side by side, and the models that write them.
//
// It does not know where it lives. A page of the book (page.js) or a notebook (widget.js) is its
// host, which brings files and workers, and is told what changes.

import { Controls, spoken } from "./controls.js";
import { element, size } from "./elements.js";
import { Tune } from "./tune.js";
import { Writer } from "./writer.js";
import { WrittenText } from "./written_text.js";

/**
 * @typedef {import("./controls.js").Settings} Settings
 * @typedef {import("./controls.js").Checkpoint} Checkpoint
 *
 * @typedef {object} Host
 * @property {string} name of the model
 * @property {Settings} settings to begin with
 * @property {Checkpoint[]} checkpoints the first is chosen
 * @property {import("./controls.js").Form} [form] plain text without one
 * @property {string} [offer] what there is to say first, where nothing has to be fetched
 * @property {() => Worker} startWorker
 * @property {(file: string, signal: AbortSignal, onbytes: (bytes: number) => void) =>
 *   Promise<ArrayBuffer>} fetchFile tells how many bytes are there so far
 * @property {(changed: Partial<Settings & {text: string}>) => void} onchange
 */

export class Sampler {
  /** @param {Host} host */
  constructor(host) {
    this.host = host;
    /** @type {Map<string, ArrayBuffer>} */
    this.files = new Map();
    this.fetching = new AbortController();
    this.columns = [new Column(host, this.say), new Column(host, this.say)];
    this.form = host.form ?? {};
    this.controls = new Controls(host.settings, host.checkpoints, this.form, {
      changed: host.onchange,
      chosen: () => this.choose(),
      shaded: () => this.controls.busy || this.shade(), // a text under way is shaded when done
      generate: () => this.run(),
      stop: () => this.stop(),
    });
    this.progress = element("progress", { hidden: true, ariaLabel: "Model fetched" });
    this.status = element("p", { className: "status", role: "status" });
    this.element = element(
      "section",
      { className: "rnnbook-sampler", ariaLabel: `Sampler: ${host.name}` },
      this.controls.element,
      this.progress,
      this.status,
      element("div", { className: "columns" }, ...this.columns.map(({ view }) => view.element)),
    );
    this.choose();
  }

  say = (/** @type {string} */ message) => {
    this.status.textContent = message;
  };

  /** @param {Partial<Settings>} settings changed elsewhere */
  set(settings) {
    this.controls.set(settings);
  }

  /** Each column that is in use, with the checkpoint chosen for it. */
  get chosen() {
    return [this.controls.checkpoint, this.controls.beside].flatMap(({ value }, index) =>
      value === ""
        ? []
        : [{ column: this.columns[index], checkpoint: this.host.checkpoints[Number(value)] }],
    );
  }

  /** Show the columns in use, and say what has to be fetched for them. */
  choose() {
    const { chosen } = this;
    const used = chosen.map(({ column }) => column);
    for (const column of this.columns) column.view.element.hidden = !used.includes(column);
    const files = new Map(chosen.map(({ checkpoint: { file, bytes } }) => [file, bytes]));
    for (const there of this.files.keys()) files.delete(there);
    if (this.controls.busy) return; // what is under way has its own to say
    if (this.host.offer || files.size === 0) return this.say(this.host.offer ?? "");
    const { action = "Generate" } = this.form;
    const [what, them] = files.size > 1 ? ["two models", "them"] : ["the model", "it"];
    const weight = [...files.values()].reduce((sum, bytes) => sum + bytes);
    this.say(`${action} fetches ${what} once, ${size(weight)}, and runs ${them} in your browser.`);
  }

  async run() {
    const { prompt, length, temperature, top_k, top_p, seed } = this.controls.settings;
    const { before = "", after = "", until } = this.form;
    const shown = prompt.endsWith(after) ? prompt : prompt + after;
    const choice = { temperature, topK: top_k, topP: top_p };
    const order = { prompt: before + shown, length, seed, until, ...choice };
    const { chosen } = this;
    let loaded = false;
    this.controls.busy = true;
    try {
      await this.load(chosen);
      loaded = true;
      this.say("Writing …");
      const start = performance.now();
      await Promise.all(chosen.map(({ column }) => this.write(column, order, shown)));
      const count = chosen.reduce((sum, { column }) => sum + column.view.written.length, 0);
      const rate = Math.round(count / ((performance.now() - start) / 1000));
      this.say(`Wrote ${count} characters, ${rate.toLocaleString("en")} a second.`);
      await this.shade();
    } catch (thrown) {
      const error = /** @type {Error} */ (thrown);
      this.say(error.name === "AbortError" ? "Stopped." : error.message);
      // A prompt that is refused does no harm. Else what a worker is about is unknown: the next text
      // gets a new one.
      for (const { column } of chosen) if (!loaded || column.writer?.gone) column.close();
    } finally {
      this.progress.hidden = true;
      this.controls.busy = false;
    }
  }

  /** @param {Sampler["chosen"]} chosen */
  async load(chosen) {
    this.fetching = new AbortController();
    for (const { column } of chosen) column.start(); // it gets ready while the model comes
    for (const { column, checkpoint } of chosen) {
      if (column.loaded === checkpoint) continue;
      const file = await this.file(checkpoint);
      await column.load(checkpoint, file).catch((error) => {
        this.files.delete(checkpoint.file); // if it is damaged, another try fetches it again
        throw error;
      });
      this.fetching.signal.throwIfAborted();
    }
    this.controls.units = Math.min(...chosen.map(({ column }) => column.units));
  }

  /** @param {Checkpoint} checkpoint */
  async file({ file, bytes }) {
    if (!this.files.has(file)) {
      this.say(`Fetching the model, ${size(bytes)} …`);
      Object.assign(this.progress, { hidden: false, max: bytes, value: 0 });
      const show = (/** @type {number} */ there) => (this.progress.value = there);
      this.files.set(file, await this.host.fetchFile(file, this.fetching.signal, show));
    }
    return this.files.get(file);
  }

  /**
   * @param {Column} column
   * @param {import("./worker.js").Order} order
   * @param {string} prompt as the reader knows it
   */
  async write(column, order, prompt) {
    const { view, writer, loaded, tune } = column;
    const { shading, watched } = this.controls;
    let begun = false; // a prompt that is refused leaves the last text where it is
    await writer.write(order, watched, (written) => {
      if (!begun) {
        view.begin(this.host.checkpoints.length > 1 ? loaded.label : "", prompt, shading);
        tune?.clear();
        begun = true;
      }
      view.append(written);
      if (column === this.columns[0]) this.host.onchange({ text: view.text });
    });
    view.finish();
    tune?.offer(prompt + view.text);
  }

  stop() {
    this.fetching.abort();
    for (const { writer } of this.columns) writer?.stop();
  }

  /** Shade what is written as the controls say. */
  async shade() {
    const { shading, watched } = this.controls;
    for (const { view, writer } of this.columns) {
      const wanted = watched !== null && writer && view.written.length > 0;
      const activations = wanted ? await writer.activations(watched) : [];
      // Another choice, made while the worker answered, is shaded by its own call.
      if (shading !== this.controls.shading || watched !== this.controls.watched) return;
      view.shade(shading, activations);
    }
  }

  close() {
    this.fetching.abort();
    for (const column of this.columns) column.close();
  }
}

/** One text and the model that writes it. */
class Column {
  /** @param {Host} host @param {(message: string) => void} say */
  constructor(host, say) {
    this.host = host;
    this.view = new WrittenText(say, spoken(host.form ?? {}));
    /** @type {Tune | undefined} */
    this.tune = host.form?.metres && new Tune(host.name);
    if (this.tune) this.view.element.append(this.tune.element);
    /** @type {Writer | undefined} */
    this.writer = undefined;
    /** @type {Checkpoint | undefined} */
    this.loaded = undefined;
    this.units = 0;
  }

  start() {
    this.writer ??= new Writer(this.host.startWorker());
  }

  /** @param {Checkpoint} checkpoint @param {ArrayBuffer} file */
  async load(checkpoint, file) {
    this.units = await this.writer.load(file, checkpoint.fresh);
    this.loaded = checkpoint;
  }

  close() {
    this.tune?.clear();
    this.writer?.close();
    this.writer = undefined;
    this.loaded = undefined;
  }
}
