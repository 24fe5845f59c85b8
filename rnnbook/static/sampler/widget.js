// The sampler in a notebook: anywidget calls `render`, the kernel sends the weights.
//
// A notebook has no files beside it. rnnbook/sampler_widget.py joins the modules into two texts:
// this one with what it imports, and the worker's, which comes as `_worker`.

import { Sampler } from "./sampler.js";

const TRAITS = ["prompt", "length", "temperature", "top_k", "top_p", "seed"];
const PAUSE = 250; // milliseconds between two messages about the text
const PATIENCE = 20_000; // milliseconds without an answer of the kernel

const SILENT =
  "The kernel does not answer. If another cell is running, wait until it has ended; if the kernel " +
  "was restarted, run this cell again.";

/**
 * @typedef {object} Model the kernel's side, by anywidget
 * @property {(name: string) => any} get
 * @property {(name: string, value: unknown) => void} set
 * @property {() => void} save_changes
 * @property {(name: string, listener: Function, context?: object) => void} on
 * @property {(name: string | null, listener: Function | null, context?: object) => void} off
 * @property {(content: object) => void} send
 */

/** @param {{model: Model, el: HTMLElement}} view */
function render({ model, el }) {
  const address = URL.createObjectURL(
    new Blob([model.get("_worker")], { type: "text/javascript" }),
  );
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let saving;
  const sampler = new Sampler({
    name: model.get("_name"),
    settings: traits(model),
    checkpoints: model.get("_checkpoints"),
    form: model.get("_form"),
    startWorker: () => new Worker(address),
    fetchFile: (file, signal, onbytes) => fromKernel(model, file, signal, onbytes),
    onchange(changed) {
      for (const [name, value] of Object.entries(changed)) model.set(name, value);
      saving ??= setTimeout(() => {
        saving = undefined;
        model.save_changes();
      }, PAUSE);
    },
  });
  const update = () => sampler.set(traits(model));
  for (const name of TRAITS) model.on(`change:${name}`, update);
  // A notebook takes single letters for commands.
  sampler.element.addEventListener("keydown", (event) => event.stopPropagation());
  el.append(sampler.element);
  return () => {
    for (const name of TRAITS) model.off(`change:${name}`, update);
    sampler.close();
    URL.revokeObjectURL(address);
  };
}

/** @param {Model} model @returns {any} */
function traits(model) {
  return Object.fromEntries(TRAITS.map((name) => [name, model.get(name)]));
}

/**
 * Ask the kernel for a file, which comes in pieces.
 *
 * @param {Model} model
 * @param {string} file
 * @param {AbortSignal} signal
 * @param {(bytes: number) => void} onbytes
 * @returns {Promise<ArrayBuffer>}
 */
function fromKernel(model, file, signal, onbytes) {
  const request = String(Math.random());
  /** @type {DataView<ArrayBuffer>[]} */
  const pieces = [];
  let there = 0;
  return new Promise((resolve, reject) => {
    /** @type {ReturnType<typeof setTimeout>} */
    let silence;
    const wait = () => {
      clearTimeout(silence);
      silence = setTimeout(() => finish(() => reject(new Error(SILENT))), PATIENCE);
    };
    const listen = (/** @type {any} */ content, /** @type {DataView<ArrayBuffer>[]} */ buffers) => {
      if (content.request !== request) return; // another view's
      pieces.push(...buffers);
      there += buffers[0].byteLength;
      onbytes(there);
      wait();
      if (there === content.bytes) finish(() => resolve(new Blob(pieces).arrayBuffer()));
    };
    const finish = (/** @type {() => void} */ settle) => {
      clearTimeout(silence);
      model.off("msg:custom", listen);
      settle();
    };
    signal.addEventListener("abort", () => finish(() => reject(signal.reason)));
    model.on("msg:custom", listen);
    model.send({ request, file });
    wait();
  });
}

export default { render };
