// Players side by side: a click plays; the ring marks the one in the dock.
dgm.sounds = (element, props, trigger, watch) => {
  "use strict";
  const home = element.querySelector(".dgm-sounds");
  const cards = new Map();

  function card(sound) {
    const canvas = dgm.make("canvas", { class: "dgm-wave", "aria-hidden": "true" });
    const picture = dgm.make("img", { src: dgm.url(sound.key, "png", { size: "small" }), alt: `Spectrogram of ${sound.title}`, loading: "lazy" });
    const node = dgm.make(
      "button",
      {
        class: "dgm-card",
        type: "button",
        title: `Play ${sound.title}`,
        onclick: () => dgm.show(sound, true),
      },
      dgm.make("span", { class: "dgm-card-title" }, sound.title),
      dgm.make("span", { class: "dgm-card-note" }, sound.note || `${sound.seconds.toFixed(2)} s`),
      canvas,
      picture,
    );
    dgm.load(sound.key).then((buffer) => dgm.draw(canvas, buffer), () => {});
    return node;
  }

  function render() {
    const sounds = Array.isArray(props.value) ? props.value : [];
    for (const key of [...cards.keys()]) {
      if (!sounds.some((one) => one.key === key)) {
        cards.get(key).remove();
        cards.delete(key);
      }
    }
    for (const sound of sounds) {
      if (!cards.has(sound.key)) cards.set(sound.key, card(sound));
      home.append(cards.get(sound.key));
    }
    mark(dgm.state.current);
  }
  function mark(sound) {
    for (const [key, node] of cards) node.classList.toggle("dgm-chosen", !!sound && sound.key === key);
  }

  watch("value", render);
  dgm.on("current", mark);
  render();
};
