// Versions of one sound, side by side; a click or a key switches between them during playback.
dgm.ab = (element, props, trigger, watch) => {
  "use strict";
  const home = element.querySelector(".dgm-ab");
  const { make } = dgm;
  let shown = "";
  let cards = [];
  let active = 0;

  function sides() {
    const value = props.value || {};
    return [...(value.sides || []), ...(value.changed ? [value.changed] : [])];
  }
  const isMine = (sound) => !!sound && sides().some((one) => one.key === sound.key);

  // Switches to a version at the same position.
  function select(index) {
    const all = sides();
    if (!all.length) return;
    active = (index + all.length) % all.length;
    const playing = dgm.position();
    const fits = playing !== null && isMine(dgm.sounding) && playing < all[active].seconds - 0.02;
    dgm.play(all[active], fits ? playing : 0);
    mark();
  }

  function card(sound, index) {
    const canvas = make("canvas", { class: "dgm-wave", "aria-hidden": "true" });
    const picture = make("img", { src: dgm.url(sound.key, "png"), alt: `Spectrogram: ${sound.label}` });
    const node = make(
      "button",
      { type: "button", class: "dgm-card", title: `Play: ${sound.label}`, "aria-pressed": "false", onclick: () => select(index) },
      make("span", { class: "dgm-card-title" }, `${"ABC"[index]}  ${sound.label}`),
      make("span", { class: "dgm-card-note" }, sound.title),
      canvas,
      picture,
    );
    dgm.load(sound.key).then((buffer) => requestAnimationFrame(() => dgm.draw(canvas, buffer)), () => {});
    return node;
  }

  function mark() {
    const playing = dgm.position() !== null && isMine(dgm.sounding);
    cards.forEach((node, index) => {
      node.classList.toggle("dgm-chosen", index === active);
      node.setAttribute("aria-pressed", String(playing && index === active));
    });
  }

  function render() {
    const value = props.value || {};
    const all = sides();
    const now = JSON.stringify([all.map((one) => [one.key, one.label]), value.error, value.notes]);
    if (now === shown) return;
    shown = now;
    active = all.length - 1;
    cards = all.map(card);
    const change = make("button", { type: "button", class: "dgm-button", onclick: () => select(active + 1), title: "Switch version (X)" }, all.length > 2 ? "A → B → C" : "A ⇄ B");
    home.replaceChildren(
      ...(all.length
        ? [
            make("div", { class: "dgm-ab-cards" }, ...cards),
            make(
              "p",
              { class: "dgm-ab-words" },
              ...(all.length > 1 ? [change] : []),
              ...(value.error ? [make("strong", {}, value.error)] : []),
              ...(value.notes || []).map((note) => make("span", { class: "dgm-ab-note" }, note)),
            ),
          ]
        : []),
    );
    mark();
  }

  home.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    select(active + step);
    cards[active].focus();
  });
  window.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "x" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (home.offsetParent === null || event.target.closest("input:not([type=range]), textarea, select")) return;
    select(active + 1);
  });
  dgm.on("play", (sound) => {
    dgm.sounding = sound;
    const index = sides().findIndex((one) => one.key === sound.key);
    if (index >= 0) active = index;
    mark();
  });
  dgm.on("ended", mark);
  watch("value", render);
  render();
};
