// Small helpers to build a page from elements. Text only ever becomes text: nothing here, and
// nothing that uses it, turns a string into HTML.

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Partial<HTMLElementTagNameMap[Tag]>} [properties]
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/**
 * @param {string | HTMLElement} name
 * @param {HTMLElement} control
 * @returns {HTMLLabelElement} the control with its name above it
 */
export function labelled(name, control) {
  return element("label", {}, name, control);
}

/**
 * @param {string} text
 * @param {() => void} onclick
 * @returns {HTMLButtonElement}
 */
export function button(text, onclick) {
  return element("button", { type: "button", textContent: text, onclick });
}

/**
 * @param {string[][]} choices value and text of each
 * @returns {HTMLSelectElement}
 */
export function chooser(choices) {
  const options = choices.map(([value, textContent]) => element("option", { value, textContent }));
  return element("select", {}, ...options);
}

/**
 * Let the reader keep a file.
 *
 * @param {string} name
 * @param {BlobPart} content
 * @param {string} type
 */
export function save(name, content, type) {
  const address = URL.createObjectURL(new Blob([content], { type }));
  element("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

/**
 * @param {string} character
 * @returns {string} how to speak of it
 */
export function named(character) {
  const names = /** @type {Record<string, string>} */ ({
    " ": "space",
    "\n": "line break",
    "\t": "tab",
  });
  return names[character] ?? `“${character}”`;
}

/**
 * @param {number} share
 * @returns {string} in percent, with more digits where they matter
 */
export function percent(share) {
  if (share > 0 && share < 0.001) return "under 0.1 %";
  return `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
}

/**
 * @param {number} bytes
 * @returns {string}
 */
export function size(bytes) {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
