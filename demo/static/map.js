// A map of sounds: a click plays a point, dragging plays the sounds between points.
dgm.map = (element, props, trigger, watch) => {
  "use strict";
  const EDGE = 1.2; // half of the plane's side, in its units
  const REACH = 14; // pixels from a point at which it is meant
  const MOVED = 5; // pixels after which a press is a drag
  const PACE = 80; // milliseconds between two requests while dragging
  const AHEAD = 8; // sounds per prefetch request
  const BREATH = 100; // milliseconds before the next ones: others use the model, too
  const PATIENCE = 20000; // milliseconds after which an answer is not waited for any more
  const home = element.querySelector(".dgm-map");
  const { make, state, svg } = dgm;

  const at = (x, y, size) => `translate(${x},${-y}) scale(${size})`;

  const clouds = svg("g", { class: "dgm-clouds" });
  const dots = svg("g", {});
  const near = svg("circle", { r: 0.04, class: "dgm-near", visibility: "hidden" });
  const ring = svg("circle", { r: 0.055, class: "dgm-ring", visibility: "hidden" });
  const cross = svg("path", { d: "M-0.07,0H-0.02M0.02,0H0.07M0,-0.07V-0.02M0,0.02V0.07", class: "dgm-cursor", visibility: "hidden" });
  const frame = { viewBox: `${-EDGE} ${-EDGE} ${2 * EDGE} ${2 * EDGE}` };
  // Moving parts have an SVG of their own, so that the points are not repainted.
  const points = svg("svg", { ...frame, class: "dgm-points", "aria-hidden": "true" },
    dgm.marks.clouds(), svg("path", { d: `M${-EDGE},0H${EDGE}M0,${-EDGE}V${EDGE}`, class: "dgm-plane-axis" }), clouds, dots);
  const plane = svg("svg", {
    ...frame, class: "dgm-plane", tabindex: "0", role: "application",
    "aria-label": "Map of sounds. Arrow keys move the cursor, Shift for small steps, Home for the middle, Enter plays.",
  }, ring, near, cross);
  const tip = make("span", { class: "dgm-tip", hidden: true });
  const legend = make("div", { class: "dgm-legend", role: "group", "aria-label": "Show only these" });
  const here = make("p", { class: "dgm-map-here", role: "status" });
  const ready = make("p", {});
  const summary = make("p", {});
  home.append(
    make("div", { class: "dgm-plane-frame" }, points, plane, tip),
    make("div", { class: "dgm-map-side" }, here, legend, summary, ready,
      make("p", {}, "Click a point to play it. Drag over the map to play the sounds between points. On the keyboard, use the arrow keys and Enter.")));

  let chart = { points: [], names: [] };
  let marks = []; // the dot and the cloud of each point
  let sounds = new Map(); // index -> sound, as far as they were made
  let chosen = new Set(); // names that are shown; none: all
  let cursor = { x: 0, y: 0 };
  let hold = null; // the pointer that is down
  let turn = 0;
  let requested = 0; // time of the last request, ms
  let last = ""; // key of the sound that was played last
  let until = 0; // when sounds may be made ahead again, ms
  let shown = false;
  let wanted = "{}"; // conditions that are chosen
  let ringed = ""; // key of the sound in the ring

  const shows = (index) => !chosen.size || chosen.has(chart.points[index][2]);
  const named = (index) => {
    const name = (chart.names[chart.points[index][2]] || "sound").replaceAll("_", " ");
    return `${name} · ${chart.seed}:${index}`;
  };
  const ask = (more) => dgm.ask("map-play", { id: chart.id, seed: chart.seed, given: chart.given, turn: ++turn, ...more });

  // --- what is shown ---------------------------------------------------------------------------

  function render() {
    const given = props.value || {};
    const value = given.map ? JSON.parse(given.map) : given;
    if (value.id && value.id === chart.id) return;
    chart = { names: [], points: [], ...value };
    sounds = new Map();
    chosen = new Set();
    until = 0;
    ringed = "";
    marks = chart.points.map(([x, y, name]) => {
      const { fill, d, cloud } = dgm.marks.look(name);
      return [
        svg("path", { d, fill, transform: at(x, y, 0.024), class: "dgm-dot" }),
        svg("circle", { cx: x, cy: -y, r: 0.22, fill: cloud, class: "dgm-cloud" }),
      ];
    });
    dots.replaceChildren(...marks.map(([dot]) => dot));
    clouds.replaceChildren(...marks.map(([, cloud]) => cloud));
    const several = chart.names.length > 1;
    legend.replaceChildren(...(several ? chart.names.map(entry) : []));
    summary.textContent = chart.words || "";
    home.classList.toggle("dgm-waiting", !chart.id);
    for (const mark of [near, cross, ring]) mark.setAttribute("visibility", "hidden");
    here.textContent = chart.id ? "Nothing chosen yet" : "";
    count();
    encircle(state.current);
    if (chart.id) return ahead();
    wanted = "{}"; // another model, nothing is chosen yet
    wish();
  }

  function entry(name, index) {
    const text = name.replaceAll("_", " ");
    const { d, fill } = dgm.marks.look(index);
    return make("button", {
      type: "button", "aria-pressed": "false", title: `Show only ${text}`,
      onclick: (event) => {
        if (!chosen.delete(index)) chosen.add(index);
        event.currentTarget.setAttribute("aria-pressed", String(chosen.has(index)));
        marks.forEach((mark, point) => mark.forEach((node) => node.classList.toggle("dgm-faded", !shows(point))));
      },
    }, svg("svg", { viewBox: "-1.4 -1.4 2.8 2.8", "aria-hidden": "true" }, svg("path", { d, fill })), text);
  }

  function count() {
    const all = chart.points.length;
    ready.textContent = !all || sounds.size === all ? "" : `${sounds.size} of ${all} sounds are decoded.`;
  }

  // --- where things are -------------------------------------------------------------------------

  function spot(event) {
    const box = plane.getBoundingClientRect();
    const clamp = (value) => Math.min(Math.max(value, -EDGE), EDGE);
    return {
      x: clamp(((event.clientX - box.left) / box.width) * 2 * EDGE - EDGE),
      y: clamp(EDGE - ((event.clientY - box.top) / box.height) * 2 * EDGE),
    };
  }

  function hit({ x, y }) {
    let best = null;
    let least = (REACH / plane.getBoundingClientRect().width) * 2 * EDGE;
    chart.points.forEach(([px, py], index) => {
      const far = Math.hypot(px - x, py - y);
      if (far <= least && shows(index)) [best, least] = [index, far];
    });
    return best;
  }

  function point(index) {
    near.setAttribute("visibility", index === null ? "hidden" : "visible");
    tip.hidden = index === null;
    if (index === null) return;
    const [x, y] = chart.points[index];
    near.setAttribute("transform", at(x, y, 1));
    tip.textContent = named(index);
    tip.style.left = `${((x + EDGE) / (2 * EDGE)) * 100}%`;
    tip.style.top = `${((EDGE - y) / (2 * EDGE)) * 100}%`;
  }

  function go(place) {
    cursor = place;
    cross.setAttribute("transform", at(place.x, place.y, 1));
    cross.setAttribute("visibility", "visible");
    const index = hit(place);
    here.textContent = index === null ? `between points, at ${place.x.toFixed(2)}, ${place.y.toFixed(2)}` : named(index);
    return index;
  }

  // --- what sounds ------------------------------------------------------------------------------

  function strike(index) {
    const sound = sounds.get(index);
    if (!sound) return ask({ index });
    turn++; // answers that are still under way come too late
    last = sound.key;
    dgm.show(sound, true);
  }

  function slide(final) {
    const now = performance.now();
    if (!final && now - requested < PACE) return;
    requested = now;
    ask({ x: cursor.x, y: cursor.y, final });
  }

  function answer({ id, turn: then, index, final, sound }) {
    if (id !== chart.id) return;
    if (typeof index === "number") learn([[index, sound]]);
    if (typeof index === "number" || final) {
      if (then !== turn) return;
      dgm.show(sound, final !== true || last !== sound.key);
    } else if (hold && last !== sound.key) dgm.play(sound);
    last = sound.key;
  }

  function learn(found) {
    for (const [index, sound] of found) {
      sounds.set(index, sound);
      marks[index][0].classList.add("dgm-ready");
    }
    count();
  }

  // Prefetches sounds, those near the cursor first, a few at a time, so that a click in between
  // never waits long.
  function ahead() {
    if (performance.now() < until || hold || !shown || !chart.id) return;
    const far = (index) => Math.hypot(chart.points[index][0] - cursor.x, chart.points[index][1] - cursor.y);
    const indices = chart.points.map((_, index) => index).filter((index) => !sounds.has(index));
    if (!indices.length) return;
    until = performance.now() + PATIENCE; // after Stop, or from a full queue, no answer comes
    setTimeout(ahead, PATIENCE + BREATH);
    indices.sort((one, other) => far(one) - far(other));
    dgm.ask("map-make", { id: chart.id, seed: chart.seed, given: chart.given, indices: indices.slice(0, AHEAD) });
  }

  // --- the sound in the dock ----------------------------------------------------------------------

  function circle(place) {
    const outside = place.some((value) => Math.abs(value) > EDGE - 0.05);
    const [x, y] = place.map((value) => Math.min(Math.max(value, 0.05 - EDGE), EDGE - 0.05));
    ring.setAttribute("transform", at(x, y, 1));
    ring.setAttribute("visibility", "visible");
    ring.classList.toggle("dgm-outside", outside);
  }

  function encircle(sound) {
    const known = sound && [...sounds].find(([, one]) => one.key === sound.key);
    const ours = sound && chart.id && sound.call !== "path" && sound.recipe.includes(chart.weights);
    if (!ours) ring.setAttribute("visibility", "hidden");
    else if (known) circle(chart.points[known[0]].slice(0, 2));
    else if (shown && ringed !== sound.key)
      dgm.ask("map-find", { id: chart.id, seed: chart.seed, given: chart.given, key: (ringed = sound.key), recipe: sound.recipe });
    if (!ours || known) ringed = "";
  }

  // --- events -----------------------------------------------------------------------------------

  plane.addEventListener("pointerdown", (event) => {
    if (!chart.id || event.button) return;
    plane.setPointerCapture(event.pointerId);
    const index = go(spot(event));
    hold = { id: event.pointerId, x: event.clientX, y: event.clientY, drag: index === null };
    if (index === null) slide(false);
    else strike(index);
  });
  plane.addEventListener("pointermove", (event) => {
    if (!hold) {
      const index = event.pointerType === "touch" ? null : hit(spot(event));
      if (index !== null && sounds.has(index)) dgm.load(sounds.get(index).key).catch(() => {});
      return point(index);
    }
    if (event.pointerId !== hold.id) return;
    hold.drag ||= Math.hypot(event.clientX - hold.x, event.clientY - hold.y) > MOVED;
    if (!hold.drag) return;
    point(go(spot(event)));
    slide(false);
  });
  const release = (event) => {
    if (!hold || event.pointerId !== hold.id) return;
    const dragged = hold.drag;
    hold = null;
    if (dragged) slide(true);
    ahead();
  };
  plane.addEventListener("pointerup", release);
  plane.addEventListener("pointercancel", release);
  plane.addEventListener("pointerleave", () => point(null));

  plane.addEventListener("keydown", (event) => {
    if (!chart.id || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = event.shiftKey ? 0.01 : 0.05;
    const [right, up] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key] || [0, 0];
    const inside = (value) => Math.min(Math.max(Math.round(value * 100) / 100, -EDGE), EDGE);
    if (right || up) point(go({ x: inside(cursor.x + right * step), y: inside(cursor.y + up * step) }));
    else if (event.key === "Home") point(go({ x: 0, y: 0 }));
    else if (event.key === "Enter") {
      const index = go(cursor);
      if (index === null) slide(true);
      else strike(index);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  plane.addEventListener("blur", () => point(null));

  // Requests the map once the tab is visible.
  function wish() {
    if (shown && chart.weights) dgm.ask("map-draw", { turn: ++turn });
  }
  dgm.whenShown(home, (now) => {
    shown = now;
    if (!now) return;
    until = 0;
    if (!chart.id || wanted !== JSON.stringify(chart.given)) wish();
    else ahead();
    encircle(state.current);
  });
  dgm.on("map-given", (given) => {
    wanted = JSON.stringify(given || {});
    if (chart.id && wanted !== JSON.stringify(chart.given)) wish();
  });
  dgm.on("map-played", answer);
  dgm.on("map-made", ({ id, sounds: made }) => {
    if (id !== chart.id || !made) return;
    until = 0;
    learn(made);
    if (made.length) setTimeout(ahead, BREATH);
  });
  dgm.on("map-found", ({ id, key, place }) => {
    if (id === chart.id && place && state.current && state.current.key === key) circle(place);
  });
  dgm.on("current", encircle);
  watch("value", render);
  render();
};
