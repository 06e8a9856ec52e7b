// A square between four sounds: dragging plays, arrows move, 1 to 4 play the corners.
dgm.pad = (element, props, trigger, watch) => {
  "use strict";
  const CELLS = 9;
  const REST = 80; // ms between two sounds of a drag
  const PAUSE = 250; // ms without a change before a request
  const MOST_POINTS = 64;
  const MOST_SECONDS = 20;
  const home = element.querySelector(".dgm-pad");
  const { make } = dgm;
  const last = CELLS - 1;
  const cornerCells = [0, last, CELLS * last, CELLS * CELLS - 1];
  const at = { x: 0.5, y: 0.5 };
  const request = { turn: 0, grid: 0, timer: 0, dirty: true };
  const playback = { cell: -1, when: -Infinity, timer: 0 };
  let cells = new Array(CELLS * CELLS).fill(null);
  let ready = new Set();
  let path = null; // while a path is recorded: {start, points}

  const canvas = make("canvas", { class: "dgm-board", tabindex: "0", role: "application", "aria-roledescription": "pad", "aria-label": "Pad between four sounds: arrows move, Shift for small steps, Home for the middle, 1 to 4 for the corners" });
  const board = dgm.board(canvas, CELLS);
  board.show({ names: ["1", "2", "3", "4"] });
  const place = make("output", { class: "dgm-place", "aria-live": "polite" });
  const button = (text, title, act, more) =>
    make("button", { type: "button", title, "aria-label": title, onclick: act, class: "dgm-button", ...more }, text);
  const own = make("input", { type: "checkbox", onchange: () => renew() });
  const ownLabel = make("label", { class: "dgm-own" }, own, "each corner keeps its own class");
  const record = button("● Record a path", "Record a path over the pad", () => (path ? finish() : begin()), { id: "dgm-record" });
  const corners = dgm.corners(
    (sounds) => {
      if (sounds && !ownLabel.hidden) own.checked = true;
      renew();
    },
    (index) => jump(index % 2, index > 1 ? 1 : 0),
    (index) => {
      const upload = document.getElementById(`dgm-own-${index}`);
      (upload.matches("button") ? upload : upload.querySelector("button")).click();
    },
  );
  home.append(
    make("div", { class: "dgm-pad-grid" }, canvas, ...corners.nodes),
    make("div", { class: "dgm-pad-tools" },
      button("Decode", "Decode the pad (G)", () => ask("grid"), { class: "dgm-button dgm-go dgm-main", id: "dgm-decode" }),
      button("⚂ New corners", "New seeds for all corners (R)", () => corners.roll(), { class: "dgm-button dgm-dice" }),
      record, ownLabel, place),
  );

  // Increases even when the pad is rebuilt after a model without one.
  const later = (number) => Math.max(number + 1, Date.now());

  // --- requests to the server -----------------------------------------------------------------

  function ask(want, more) {
    clearTimeout(request.timer);
    request.dirty = false;
    request.turn = later(request.turn);
    dgm.ask("pad", {
      turn: request.turn, grid: request.grid, want, ...at, corners: corners.values(), own: own.checked,
      complete: want !== "grid" && cells.every(Boolean), ...more,
    });
  }
  const soon = (act) => {
    clearTimeout(request.timer);
    request.timer = setTimeout(act, PAUSE);
  };
  // The corners have changed: the decoded sounds are obsolete.
  function renew() {
    request.grid = later(request.grid);
    request.dirty = true;
    cells = new Array(CELLS * CELLS).fill(null);
    ready = new Set();
    board.dark();
    soon(() => home.offsetParent && request.dirty && ask("grid"));
  }

  function receive(value) {
    if (value.sound) {
      corners.take(value.corner, value.sound);
      return;
    }
    if (value.grid !== request.grid || !value.cells) return;
    const mine = ready;
    value.cells.forEach((cell, index) => {
      if (!cell || cells[index]) return;
      cells[index] = cell;
      dgm.load(cell.key).then((buffer) => {
        if (mine !== ready) return;
        mine.add(index);
        board.light(index);
        if (cornerCells.includes(index)) corners.wave(cornerCells.indexOf(index), buffer);
      }, () => {});
    });
  }

  // --- playback ---------------------------------------------------------------------------------

  function nearest() {
    let best = -1;
    let least = Infinity;
    for (const cell of ready) {
      const distance = ((cell % CELLS) / last - at.x) ** 2 + (Math.floor(cell / CELLS) / last - at.y) ** 2;
      if (distance < least) [best, least] = [cell, distance];
    }
    return best;
  }
  function sound(anyway) {
    const cell = nearest();
    clearTimeout(playback.timer);
    if (cell < 0 || (cell === playback.cell && !anyway)) return;
    const wait = playback.when + REST - performance.now();
    if (wait > 0) {
      playback.timer = setTimeout(() => sound(anyway), wait);
      return;
    }
    playback.cell = cell;
    playback.when = performance.now();
    board.flash(cell);
    dgm.play(cells[cell]);
    if (path) point();
  }
  function move(x, y) {
    [at.x, at.y] = [x, y];
    board.move(x, y);
    place.textContent = `${Math.round(x * 100)} % right, ${Math.round(y * 100)} % down`;
  }
  function jump(x, y) {
    move(Math.min(Math.max(x, 0), 1), Math.min(Math.max(y, 0), 1));
    sound(true);
    if (!path) soon(() => ask("place"));
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    canvas.setPointerCapture(event.pointerId);
    dgm.audio();
    move(...board.place(event));
    sound(true);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!canvas.hasPointerCapture(event.pointerId)) return;
    move(...board.place(event));
    sound(false);
  });
  canvas.addEventListener("lostpointercapture", () => !path && ask("place"));
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!step && event.key !== "Home") return;
    event.preventDefault();
    if (!step) jump(0.5, 0.5);
    else if (event.shiftKey) jump(at.x + step[0] / (4 * last), at.y + step[1] / (4 * last));
    else jump((Math.round(at.x * last) + step[0]) / last, (Math.round(at.y * last) + step[1]) / last);
  });
  window.addEventListener("keydown", (event) => {
    const index = ["1", "2", "3", "4"].indexOf(event.key);
    if (index < 0 || !home.offsetParent || dgm.state.typing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input:not([type=checkbox]):not([type=range]), textarea, select")) return;
    jump(index % 2, index > 1 ? 1 : 0);
  });

  // --- a path -----------------------------------------------------------------------------------

  function begin() {
    path = { start: null, points: [], timer: setTimeout(finish, MOST_SECONDS * 1000) };
    show();
  }
  function point() {
    const now = performance.now();
    if (path.start === null) path.start = now;
    path.points.push([Math.round((now - path.start) / 10) / 100, ...[at.x, at.y].map((one) => Math.round(one * 1000) / 1000)]);
    if (path.points.length >= MOST_POINTS) finish();
    else show();
  }
  function finish() {
    const { points, timer } = path;
    clearTimeout(timer);
    path = null;
    show();
    if (points.length) ask("path", { points });
    else place.textContent = "Nothing was recorded: drag over the pad while the button is red.";
  }
  function show() {
    record.textContent = path ? `■ Stop (${path.points.length} of ${MOST_POINTS})` : "● Record a path";
    record.classList.toggle("dgm-recording", !!path);
    board.show({ recording: !!path });
  }

  // --- what changes around it -------------------------------------------------------------------

  function arrive() {
    const value = props.value;
    if (!value || !value.weights) return;
    corners.model(value.weights, value.deaf);
    ownLabel.hidden = !value.conditions.length;
    ownLabel.lastChild.textContent = `each corner keeps its own ${value.conditions.join(" and ")}`;
    own.checked = false;
    renew();
  }
  for (const node of corners.nodes) {
    node.addEventListener("send", ({ detail }) => {
      const cell = cells[cornerCells[detail.index]];
      if (cell) dgm.send(detail.end, cell);
    });
  }
  dgm.on("pad-cells", receive);
  dgm.on("given", renew);
  dgm.whenShown(home, (shown) => shown && request.dirty && soon(() => ask("grid")));
  new ResizeObserver(board.paint).observe(canvas);
  watch("value", arrive);
  arrive();
};
