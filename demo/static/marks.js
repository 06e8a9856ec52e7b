// Marks that distinguish classes for any colour vision: the colours of Okabe and Ito, then other
// shapes.
(() => {
  "use strict";
  const COLOURS = ["#E69F00", "#56B4E9", "#009E73", "#D55E00", "#CC79A7", "#0080C8", "#B8AC1C", "#8A8F98"];
  const SHAPES = [
    "M1,0A1,1,0,1,1,-1,0A1,1,0,1,1,1,0Z",
    "M0,-1.3L1.3,0L0,1.3L-1.3,0Z",
    "M0,-1.25L1.2,0.9L-1.2,0.9Z",
    "M-0.95,-0.95H0.95V0.95H-0.95Z",
  ];

  dgm.svg = (tag, attributes, ...children) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes || {})) node.setAttribute(name, value);
    node.append(...children);
    return node;
  };

  dgm.marks = {
    // For a class index: colour, shape about one unit wide, fading colour.
    look: (number) => ({
      fill: COLOURS[number % COLOURS.length],
      d: SHAPES[Math.floor(number / COLOURS.length) % SHAPES.length],
      cloud: `url(#dgm-cloud-${number % COLOURS.length})`,
    }),
    // The definitions of the fading colours; once per page.
    clouds: () =>
      dgm.svg("defs", {}, ...COLOURS.map((colour, index) =>
        dgm.svg("radialGradient", { id: `dgm-cloud-${index}` },
          dgm.svg("stop", { offset: "0", "stop-color": colour, "stop-opacity": "0.28" }),
          dgm.svg("stop", { offset: "1", "stop-color": colour, "stop-opacity": "0" })))),
  };
})();
