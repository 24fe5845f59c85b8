// Scrolling boxes must be reachable by keyboard: a box that scrolls gets into the tab order.

/** @returns {void} */
function makeScrollersReachable() {
  for (const box of document.querySelectorAll(".bd-article pre, .bd-article table, .bd-article .math")) {
    if (box.scrollWidth > box.clientWidth) box.setAttribute("tabindex", "0");
    else box.removeAttribute("tabindex");
  }
}

window.addEventListener("load", makeScrollersReachable);
window.addEventListener("resize", makeScrollersReachable);
