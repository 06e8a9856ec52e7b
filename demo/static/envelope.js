// Sliders for attack, decay, sustain and release, and the curve that they make.
// `dgm.envelope(shape)` edits the shape (seconds, and the sustain level as a share) that `dgm.start` plays.
dgm.envelope = (shape) => {
  "use strict";
  const { make, svg } = dgm;
  const curve = svg("path");
  const picture = svg("svg", { viewBox: "0 0 260 62", class: "dgm-envelope-line", "aria-hidden": "true" }, curve);

  // Times are on a logarithmic scale, as they are perceived.
  function slider(label, name, from, to) {
    const id = `dgm-envelope-${name}`;
    const seconds = name !== "sustain";
    const place = (value) => (seconds ? Math.log(value / from) / Math.log(to / from) : (value - from) / (to - from));
    const value = (share) => (seconds ? from * (to / from) ** share : from + share * (to - from));
    function caption() {
      if (!seconds) return `${(shape[name] * 100).toFixed(0)} %`;
      return shape[name] < 1 ? `${(shape[name] * 1000).toFixed(0)} ms` : `${shape[name].toFixed(2)} s`;
    }
    const text = make("output", { for: id }, caption());
    const input = make("input", {
      id, type: "range", min: 0, max: 1, step: 0.005, value: place(shape[name]), "aria-valuetext": caption(),
      oninput: (event) => {
        shape[name] = value(Number(event.target.value));
        text.textContent = caption();
        event.target.setAttribute("aria-valuetext", caption());
        sketch();
      },
    });
    return make("label", { for: id }, make("span", {}, label), input, text);
  }

  // The loudness over time; widths go with the root of the seconds, so that short parts stay visible.
  function sketch() {
    const wide = (seconds) => 12 + 60 * Math.sqrt(Math.min(seconds, 4) / 4);
    const x1 = wide(shape.attack);
    const x2 = x1 + wide(shape.decay);
    const x3 = x2 + 40;
    const x4 = x3 + wide(shape.release);
    const y = 58 - 54 * shape.sustain;
    curve.setAttribute("d", `M2,58L${x1},4Q${x1 + (x2 - x1) * 0.35},${y},${x2},${y}L${x3},${y}Q${x3 + (x4 - x3) * 0.35},58,${x4},58`);
  }

  sketch();
  return make("div", { class: "dgm-envelope" }, picture,
    slider("Attack", "attack", 0.001, 2), slider("Decay", "decay", 0.01, 3),
    slider("Sustain", "sustain", 0, 1), slider("Release", "release", 0.02, 4));
};
