// Keyboard shortcuts of the whole page, and the dialog that lists them.
(() => {
  "use strict";
  const KEYS = [
    ["Enter", "in a text: say it"],
    ["space", "play or stop the sound in the dock"],
    ["G", "generate, decode, draw: the main button of the tab"],
    ["R", "random: new seeds, then G"],
    ["K", "keep the sound"],
    ["1 to 4", "corners of the pad"],
    ["arrows", "move on the pad and on the map; Shift for small steps"],
    ["A W S E D F T G Y H U J …", "notes, while the keyboard is open"],
    ["X", "switch between a recording and its reconstruction"],
    ["?", "this list"],
  ];

  const shown = (node) => node && node.offsetParent !== null;
  const visible = (selector) => [...document.querySelectorAll(selector)].find(shown);
  const buttonOf = (node) => (node && node.matches("button") ? node : node && node.querySelector("button"));

  function press(selector) {
    const button = buttonOf(visible(selector));
    if (button && !button.disabled) button.click();
    return !!button;
  }

  function sheet() {
    let dialog = document.getElementById("dgm-keys-sheet");
    if (!dialog) {
      const rows = KEYS.map(([key, text]) => dgm.make("tr", {}, dgm.make("th", {}, key), dgm.make("td", {}, text)));
      dialog = dgm.make(
        "dialog", { id: "dgm-keys-sheet", "aria-label": "Keys" },
        dgm.make("table", {}, ...rows),
        dgm.make("button", { type: "button", class: "dgm-button", onclick: () => dialog.close() }, "Close"),
      );
      (document.querySelector(".gradio-container") || document.body).append(dialog);
    }
    if (dialog.open) dialog.close();
    else dialog.showModal();
  }

  const acts = {
    " ": () => dgm.state.current && (dgm.position() === null ? dgm.play(dgm.state.current) : dgm.stop()),
    g: () => press(".dgm-go"),
    r: () => {
      if (press(".dgm-dice")) setTimeout(() => press(".dgm-go"), 400);
      else press(".dgm-go");
    },
    k: () => dgm.keep(dgm.state.current),
    "?": sheet,
  };

  dgm.on("go", acts.g);
  window.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || event.repeat) return;
    const at = event.target;
    if (at.closest("input:not([type=checkbox]):not([type=range]), textarea, select, [contenteditable]")) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (key === " " && at.closest("button, a, summary, [role=button], [role=tab], input")) return;
    if (dgm.state.typing && key !== " " && key !== "?") return; // letters are notes
    if (!acts[key]) return;
    event.preventDefault();
    acts[key]();
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest && event.target.closest("#dgm-help")) sheet();
  });
})();
