// What the theme leaves open for readers who use a keyboard, a voice or a screen reader.

// A box that scrolls gets into the tab order.

/** @returns {void} */
function makeScrollersReachable() {
  for (const box of document.querySelectorAll(".bd-article pre, .bd-article table, .bd-article .math")) {
    if (box.scrollWidth > box.clientWidth) box.setAttribute("tabindex", "0");
    else box.removeAttribute("tabindex");
  }
}

/**
 * Where a control says what it does, its name is what it says: who speaks to the page says what is
 * seen. The theme gives some of them another name.
 *
 * @returns {void}
 */
function callControlsWhatTheySay() {
  const named = "summary[aria-label], .search-button__button[aria-label]";
  for (const control of document.querySelectorAll(named)) {
    if (control.textContent.trim()) control.removeAttribute("aria-label");
  }
}

/**
 * The entries of a list are called what a list may hold: their own role is out of use.
 *
 * @returns {void}
 */
function makeReferencesAList() {
  for (const entry of document.querySelectorAll(".citation-list > [role=doc-biblioentry]")) {
    entry.setAttribute("role", "listitem");
  }
}

/**
 * Paper is light, whatever the screen is: grounds are not printed, and light letters need a dark one.
 *
 * @param {MediaQueryListEvent} paper
 * @returns {void}
 */
function printInLight({ matches: printing }) {
  const { dataset } = document.documentElement;
  if (printing) [dataset.onScreen, dataset.theme] = [dataset.theme, "light"];
  else dataset.theme = dataset.onScreen;
}

matchMedia("print").addEventListener("change", printInLight);
window.addEventListener("load", callControlsWhatTheySay);
window.addEventListener("load", makeReferencesAList);
window.addEventListener("load", makeScrollersReachable);
window.addEventListener("resize", makeScrollersReachable);
