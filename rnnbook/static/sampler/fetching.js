// Where the pages of the book have their models and the worker from.

const MODELS = new URL("../models/", import.meta.url);

export function startWorker() {
  return new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
}

/**
 * Fetch a file of a kept model.
 *
 * @param {string} model
 * @param {string} file
 * @param {AbortSignal} signal
 * @param {(bytes: number) => void} onbytes told how many are there so far
 * @returns {Promise<ArrayBuffer>}
 */
export async function fetchModel(model, file, signal, onbytes) {
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
    const response = await fetch(new URL(`${model}/${file}`, MODELS), { signal });
    if (!response.ok) throw problem(`${response.status} ${response.statusText}`);
    return await new Response(response.body.pipeThrough(counter)).arrayBuffer();
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof TypeError ? problem("no connection") : error;
  }
}
