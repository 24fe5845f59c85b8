// The playground: any model of the book, or a file of the reader's own, in one sampler.
//
// A file that is given is read here, in the browser, and goes nowhere else.

import { element, labelled, named, size } from "./elements.js";
import { fetchModel, startWorker } from "./fetching.js";
import { Sampler } from "./sampler.js";
import { Writer } from "./writer.js";

const FILE_LIMIT = 250_000_000; // bytes; model.js takes no model that needs more
const SHOWN = 200; // characters of a text that comes from a file
const CELLS = { vanilla: "vanilla", lstm: "LSTM", gru: "GRU" };

/**
 * @typedef {import("./sampler.js").Host} Host
 *
 * @typedef {object} Kept a model of the book, as book/kept_models.py describes it
 * @property {string} name
 * @property {string} corpus
 * @property {number} nats
 * @property {string} prompt
 * @property {Host["checkpoints"]} checkpoints
 * @property {Host["form"]} form
 *
 * @typedef {object} Choice
 * @property {string} name
 * @property {string} prompt to begin with
 * @property {Host["checkpoints"]} checkpoints
 * @property {Host["form"]} [form] how it writes, if not plain text
 * @property {Host["fetchFile"]} fetchFile
 * @property {Host["offer"]} [offer] what there is to say first
 * @property {[string, string][]} [facts] what the reader's own file says of itself
 */

export class Playground {
  /** @param {{settings: Host["settings"], models: Kept[]}} offered */
  constructor({ settings, models }) {
    this.settings = settings;
    this.choices = models.map(asChoice);
    /** @type {Sampler | undefined} */
    this.sampler = undefined;
    this.chooser = element("select", {
      onchange: () => {
        this.show(this.choices[Number(this.chooser.value)]);
        this.say("");
      },
    });
    models.forEach(({ name, corpus, nats, checkpoints: [{ bytes }] }) =>
      this.list(`${name}: ${corpus}, ${nats.toFixed(2)} nats, ${size(bytes)}`),
    );
    this.input = element("input", {
      type: "file",
      accept: ".safetensors",
      onchange: () => this.take(this.input.files[0]),
    });
    const invitation = "Or a model of your own: choose its file, or drop it anywhere on this page";
    this.zone = labelled(invitation, this.input);
    this.zone.className = "zone";
    this.status = element("p", { className: "status", role: "status" });
    this.facts = element("dl");
    this.place = element("div");
    this.element = element(
      "div",
      {},
      element(
        "section",
        { className: "rnnbook-sampler", ariaLabel: "Choose a model" },
        labelled("The model that writes", this.chooser),
        this.zone,
        this.status,
        this.facts,
      ),
      this.place,
    );
    this.acceptDrops();
    if (this.choices.length > 0) this.show(this.choices[0]);
  }

  /** @param {string} label of the last choice */
  list(label) {
    const value = String(this.chooser.length);
    this.chooser.append(element("option", { value, textContent: label }));
  }

  /** @param {string} message */
  say(message) {
    this.status.textContent = message;
  }

  /** @param {Choice} choice */
  show(choice) {
    const { prompt, ...kept } = this.sampler?.controls.settings ?? this.settings;
    this.sampler?.close();
    this.sampler = new Sampler({
      ...choice,
      settings: { ...kept, prompt: choice.prompt },
      startWorker,
      onchange: () => {},
    });
    this.place.replaceChildren(this.sampler.element);
    const { facts = [] } = choice;
    this.facts.replaceChildren(
      ...facts.flatMap(([term, text]) => [
        element("dt", { textContent: term }),
        element("dd", { textContent: text }),
      ]),
    );
  }

  /**
   * Take a file of the reader's; if it is no model, what was there stays.
   *
   * @param {File | undefined} file
   */
  async take(file) {
    if (!file) return;
    this.say(`Reading ${file.name}, ${size(file.size)} …`);
    try {
      this.choices.push(await read(file));
      this.list(`${file.name}, yours`);
      this.chooser.value = String(this.choices.length - 1);
      this.show(this.choices[this.choices.length - 1]);
      this.say(`This is ${file.name}. It was read in your browser and sent nowhere.`);
    } catch (error) {
      this.say(`${file.name} cannot be used. ${/** @type {Error} */ (error).message}`);
    }
    this.input.value = ""; // so that the same file can be given again
  }

  acceptDrops() {
    // A file that misses the zone would make the browser leave the page.
    const listen = (/** @type {string} */ type, /** @type {(event: DragEvent) => void} */ act) =>
      document.addEventListener(type, (event) => {
        const drag = /** @type {DragEvent} */ (event);
        if (!drag.dataTransfer?.types.includes("Files")) return; // text into the prompt, say
        drag.preventDefault();
        act(drag);
      });
    const { classList } = this.zone;
    listen("dragover", () => classList.add("over"));
    listen("dragleave", ({ relatedTarget }) => relatedTarget || classList.remove("over"));
    listen("drop", ({ dataTransfer }) => {
      classList.remove("over");
      this.take(dataTransfer.files[0]);
    });
  }
}

/** @param {Kept} kept @returns {Choice} */
function asChoice(kept) {
  const { name } = kept;
  return {
    ...kept,
    fetchFile: (file, signal, onbytes) => fetchModel(name, file, signal, onbytes),
  };
}

/**
 * Read a model of the reader's, all of it: a worker that is not needed afterwards tries it.
 *
 * @param {File} file
 * @returns {Promise<Choice>}
 * @throws {Error} if it is no model of this book; the message says why
 */
async function read(file) {
  if (file.size > FILE_LIMIT) {
    throw new Error(`It has ${size(file.size)}, and a page can take ${size(FILE_LIMIT)}.`);
  }
  const bytes = await file.arrayBuffer().catch(() => {
    throw new Error("The browser cannot read it: is it a folder, or has it been moved?");
  });
  const writer = new Writer(startWorker());
  try {
    const model = await writer.ask({ type: "load", file: bytes, fresh: false });
    const { alphabet, facts } = model;
    const trained = { label: "trained", file: file.name, bytes: file.size, fresh: false };
    const recipe = typeof facts.recipe === "object" && facts.recipe !== null;
    return {
      name: file.name,
      prompt: alphabet.includes("\n") ? "\n" : alphabet[0],
      checkpoints: recipe ? [trained, { ...trained, label: "untrained", fresh: true }] : [trained],
      fetchFile: async () => bytes,
      facts: described(model),
      offer: "Generate runs your model, here in your browser.",
    };
  } finally {
    writer.close();
  }
}

/**
 * Say in words what a file says of its model. Any of its facts may be missing, or nonsense.
 *
 * @param {any} model what the worker read
 * @returns {[string, string][]} terms, and a text for each
 */
function described({ kind, hyperparameters, alphabet, facts }) {
  const { cell, num_layers: layers = 1, hidden_size: units } = hyperparameters;
  const network = kind === "CharRNN" ? CELLS[/** @type {keyof CELLS} */ (cell)] : kind;
  const many = layers > 1 ? `${layers} layers of ` : "";
  const { corpus, loss_nats: loss } = facts;
  const shown = alphabet
    .slice(0, SHOWN)
    .map((/** @type {string} */ character) => (/\s/.test(character) ? named(character) : character))
    .join(" ");
  const more = alphabet.length > SHOWN ? " …" : "";
  return [
    ["Network", `${network}, ${many}${units} units`],
    ["Learned from", typeof corpus === "string" ? corpus.slice(0, SHOWN) : "the file does not say"],
    ["Loss", Number.isFinite(loss) ? `${loss.toFixed(2)} nats per character` : "not measured"],
    ["Alphabet", `${alphabet.length} characters: ${shown}${more}`],
  ];
}
