// Put a sampler wherever a page of the book has a place for one. Where this never runs, the place
// shows what stands in it: a recorded sample, and how to write with the model yourself.

const MODELS = new URL("../models/", import.meta.url);

/** @param {HTMLElement} place */
async function mount(place) {
  const { Sampler } = await import("./sampler.js"); // most pages have no place and need none of it
  const { model, settings, checkpoints, form } = JSON.parse(place.dataset.rnnbookSampler);
  const sampler = new Sampler({
    name: model,
    settings,
    checkpoints,
    form,
    startWorker: () => new Worker(new URL("./worker.js", import.meta.url), { type: "module" }),
    fetchFile: (file, signal, onbytes) =>
      fetched(new URL(`${model}/${file}`, MODELS), signal, onbytes),
    onchange: (changed) => "text" in changed && place.querySelector(".recorded")?.remove(),
  });
  place.prepend(sampler.element);
}

/**
 * @param {URL} address
 * @param {AbortSignal} signal
 * @param {(bytes: number) => void} onbytes
 */
async function fetched(address, signal, onbytes) {
  const problem = (/** @type {string} */ why) =>
    new Error(`The model could not be fetched (${why}). Below is how to run it yourself.`);
  let there = 0;
  const counter = new TransformStream({
    transform(piece, stream) {
      onbytes((there += piece.byteLength));
      stream.enqueue(piece);
    },
  });
  try {
    const response = await fetch(address, { signal });
    if (!response.ok) throw problem(`${response.status} ${response.statusText}`);
    return await new Response(response.body.pipeThrough(counter)).arrayBuffer();
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof TypeError ? problem("no connection") : error;
  }
}

/** @type {NodeListOf<HTMLElement>} */
const places = document.querySelectorAll("[data-rnnbook-sampler]");
if (places.length > 0) {
  const href = new URL("./sampler.css", import.meta.url).href;
  document.head.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href }));
  places.forEach(mount);
}
