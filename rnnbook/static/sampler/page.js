// Put a sampler wherever a page of the book has a place for one, and the playground in its own.
// Where this never runs, the place shows what stands in it: a recorded sample, or how to write with
// the models yourself.

// Most pages have no place and need no more than this file: the rest is imported where there is one.

/** @param {HTMLElement} place */
async function mountSampler(place) {
  const [{ Sampler }, { fetchModel, startWorker }] = await Promise.all([
    import("./sampler.js"),
    import("./fetching.js"),
  ]);
  const { model, settings, checkpoints, form } = JSON.parse(place.dataset.rnnbookSampler);
  const sampler = new Sampler({
    name: model,
    settings,
    checkpoints,
    form,
    startWorker,
    fetchFile: (file, signal, onbytes) => fetchModel(model, file, signal, onbytes),
    onchange: (changed) => "text" in changed && place.querySelector(".recorded")?.remove(),
  });
  place.prepend(sampler.element);
}

/** @param {HTMLElement} place */
async function mountPlayground(place) {
  const { Playground } = await import("./playground.js");
  addStyle("playground.css");
  place.replaceChildren(new Playground(JSON.parse(place.dataset.rnnbookPlayground)).element);
}

/** @param {string} file */
function addStyle(file) {
  const href = new URL(file, import.meta.url).href;
  document.head.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href }));
}

/** @type {NodeListOf<HTMLElement>} */
const samplers = document.querySelectorAll("[data-rnnbook-sampler]");
/** @type {NodeListOf<HTMLElement>} */
const playgrounds = document.querySelectorAll("[data-rnnbook-playground]");
if (samplers.length + playgrounds.length > 0) addStyle("sampler.css");
samplers.forEach(mountSampler);
playgrounds.forEach(mountPlayground);
