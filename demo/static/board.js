// The picture of a pad: cells tinted by the corners, bright once their sound is decoded, and a handle.
dgm.board = (canvas, cells) => {
  "use strict";
  const last = cells - 1;
  const FLASH = 350; // ms that a cell shines when it sounds
  const LIT = 300; // ms in which a new cell lights up
  const TRAIL = 700; // ms that the handle's way is seen
  const lit = new Map(); // cell -> when its sound came
  const flashes = new Map(); // cell -> when it began to sound
  const trail = []; // {x, y, at}
  const seen = { x: 0.5, y: 0.5, names: [], recording: false };
  let frame = 0;

  const corners = () => {
    const style = getComputedStyle(canvas);
    return [1, 2, 3, 4].map((one) => parse(style.getPropertyValue(`--dgm-corner-${one}`)));
  };
  const parse = (hex) => [1, 3, 5].map((at) => parseInt(hex.trim().slice(at, at + 2), 16));
  // Squares are mixed, nearly as light is, then drawn away from grey: the middle stays bright.
  function tint(colours, x, y, white) {
    const shares = [(1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y];
    const mixed = [0, 1, 2].map((part) =>
      Math.sqrt(colours.reduce((sum, colour, index) => sum + shares[index] * colour[part] ** 2, 0)));
    const grey = (mixed[0] + mixed[1] + mixed[2]) / 3;
    const pure = 2 - Math.max(...shares);
    const vivid = mixed.map((value) => Math.min(Math.max(grey + (value - grey) * pure, 0), 255));
    return vivid.map((value) => Math.round(value + (255 - value) * white)).join(" ");
  }

  const centre = (share, size) => ((share * last + 0.5) / cells) * size;
  const share = (offset, size) => Math.min(Math.max(((offset / size) * cells - 0.5) / last, 0), 1);
  const fresh = (map, cell, now, span) => (map.has(cell) ? Math.max(0, 1 - (now - map.get(cell)) / span) : 0);

  function draw(now) {
    frame = 0;
    const ratio = window.devicePixelRatio || 1;
    const size = (canvas.width = canvas.height = Math.max(1, Math.round(canvas.clientWidth * ratio)));
    const pen = canvas.getContext("2d");
    const colours = corners();
    const box = size / cells;
    const gap = box * 0.06;
    for (let cell = 0; cell < cells * cells; cell++) {
      const column = cell % cells;
      const row = Math.floor(cell / cells);
      const shine = fresh(flashes, cell, now, FLASH);
      const light = lit.has(cell) ? 1 - 0.75 * fresh(lit, cell, now, LIT) : 0.2;
      const grow = gap * (1 - shine);
      pen.fillStyle = `rgb(${tint(colours, column / last, row / last, shine * 0.75)} / ${Math.max(light, shine)})`;
      pen.beginPath();
      pen.roundRect(column * box + grow, row * box + grow, box - 2 * grow, box - 2 * grow, box * 0.16);
      pen.fill();
    }
    label(pen, box, ratio);
    follow(pen, size, now, ratio);
    handle(pen, size, ratio);
    const busy = [...flashes.values()].some((at) => now - at < FLASH) || [...lit.values()].some((at) => now - at < LIT);
    if (busy || trail.length) paint();
  }

  function label(pen, box, ratio) {
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.font = `700 ${box * 0.34}px system-ui, sans-serif`;
    seen.names.forEach((name, index) => {
      const x = (index % 2) * last;
      const y = index > 1 ? last : 0;
      pen.fillStyle = lit.has(y * cells + x) ? "rgb(255 255 255 / 0.95)" : getComputedStyle(canvas).color;
      pen.fillText(name, (x + 0.5) * box, (y + 0.5) * box + ratio);
    });
  }

  function follow(pen, size, now, ratio) {
    while (trail.length && now - trail[0].at > TRAIL) trail.shift();
    pen.lineCap = "round";
    for (let i = 1; i < trail.length; i++) {
      const strength = 1 - (now - trail[i].at) / TRAIL;
      pen.strokeStyle = seen.recording ? `rgb(239 68 68 / ${strength})` : `rgb(255 255 255 / ${0.9 * strength})`;
      pen.lineWidth = (2 + 6 * strength) * ratio;
      pen.beginPath();
      pen.moveTo(centre(trail[i - 1].x, size), centre(trail[i - 1].y, size));
      pen.lineTo(centre(trail[i].x, size), centre(trail[i].y, size));
      pen.stroke();
    }
  }

  function handle(pen, size, ratio) {
    const at = [centre(seen.x, size), centre(seen.y, size)];
    const ring = (radius, width, colour) => {
      pen.lineWidth = width * ratio;
      pen.strokeStyle = colour;
      pen.beginPath();
      pen.arc(...at, radius * ratio, 0, 2 * Math.PI);
      pen.stroke();
    };
    pen.fillStyle = "rgb(255 255 255 / 0.25)";
    pen.beginPath();
    pen.arc(...at, 13 * ratio, 0, 2 * Math.PI);
    pen.fill();
    ring(13, 6, "rgb(15 23 42 / 0.75)");
    ring(13, 3, seen.recording ? "rgb(239 68 68)" : "white");
  }

  function paint() {
    if (!frame) frame = requestAnimationFrame(() => draw(performance.now()));
  }

  return {
    paint,
    show(values) {
      Object.assign(seen, values);
      paint();
    },
    move(x, y) {
      trail.push({ x, y, at: performance.now() });
      Object.assign(seen, { x, y });
      paint();
    },
    light(cell) {
      if (!lit.has(cell)) lit.set(cell, performance.now());
      paint();
    },
    dark() {
      lit.clear();
      paint();
    },
    flash(cell) {
      flashes.set(cell, performance.now());
      paint();
    },
    place(event) {
      const box = canvas.getBoundingClientRect();
      return [share(event.clientX - box.left, box.width), share(event.clientY - box.top, box.height)];
    },
  };
};
