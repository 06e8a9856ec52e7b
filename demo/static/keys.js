// Two octaves of keys: notes of the model, or the sound in the dock at other speeds.
dgm.keys = (element, props, trigger, watch) => {
  "use strict";
  const CODES = ["KeyA", "KeyW", "KeyS", "KeyE", "KeyD", "KeyF", "KeyT", "KeyG", "KeyY", "KeyH", "KeyU", "KeyJ",
    "KeyK", "KeyO", "KeyL", "KeyP", "Semicolon", "Quote"]; // physical keys, from the first C on
  const LETTERS = "AWSEDFTGYHUJKOLP;'";
  const NAMES = ["C", "C sharp", "D", "D sharp", "E", "F", "F sharp", "G", "G sharp", "A", "A sharp", "B"];
  const BLACK = new Set([1, 3, 6, 8, 10]);
  const KEYS = 25;
  const MIDDLE = 60; // the note at which the sound in the dock is as it is
  const SPAN = [24, 96]; // notes of a sound at other speeds
  const HEADROOM = 6; // dB below the dock, so that chords have room
  const home = element.querySelector(".dgm-keys");
  const { make, state } = dgm;
  const shape = { attack: 0.005, decay: 0.3, sustain: 1, release: 0.25 };

  let model = {};
  let first = 48; // the lowest key
  let notes = new Map(); // note -> {key, lufs, peak_dbfs, buffer}
  let sampled = null; // the sound in the dock, decoded
  let ofDock = false; // the timbre is that of the sound in the dock
  let shown = false;
  let stale = true; // the notes must be requested again
  let turn = 0;
  let since = 0; // the turn in which the timbre changed last
  let keys = []; // buttons, from the lowest on
  let focus = 12; // the key that Tab reaches
  const voices = new Map(); // who holds a key -> {note, voice}
  let letters = LETTERS.split("");

  const octave = (note) => Math.floor(note / 12) - 1;
  const named = (note) => `${NAMES[note % 12]} ${octave(note)}`;
  const low = () => (model.pitched ? model.low : SPAN[0]);
  const high = () => (model.pitched ? model.high : SPAN[1]);

  const least = () => Math.floor(low() / 12) * 12; // the lowest keyboard, and the highest
  const most = () => Math.max(least(), Math.ceil(high() / 12) * 12 - KEYS + 1);

  // --- what is shown ----------------------------------------------------------------------------

  const button = (label, title, act) => make("button", { type: "button", class: "dgm-button", title, "aria-label": title, onclick: act }, label);
  const range = make("strong", { class: "dgm-keys-range" });
  const down = button("− octave", "An octave down (Z)", () => shift(-12));
  const up = button("octave +", "An octave up (X)", () => shift(12));
  const message = make("p", { class: "dgm-keys-told", role: "status" });
  const piano = make("div", { class: "dgm-piano", role: "group", "aria-label": "Keys: arrows move, Enter plays" });
  home.append(
    make("div", { class: "dgm-keys-bar" }, make("div", { class: "dgm-keys-octaves" }, down, range, up), message),
    piano,
    dgm.envelope(shape),
    make("p", { class: "dgm-keys-hint" }, `Play with the mouse, with fingers or on the computer's keys; Z and X change the octave. Notes sound ${HEADROOM} dB lower than in the dock, so that chords have room.`));

  function build() {
    keys = Array.from({ length: KEYS }, (_, index) => {
      const black = BLACK.has(index % 12);
      const letter = index < CODES.length ? letters[index] : "";
      return make("button", {
        type: "button", class: black ? "dgm-key dgm-black" : "dgm-key", tabindex: index === focus ? "0" : "-1",
      }, make("span", { class: "dgm-key-letter" }, letter), black ? null : make("span", { class: "dgm-key-name" }));
    });
    const octaves = [keys.slice(0, 12), keys.slice(12)].map((group) => {
      const whites = group.filter((key) => !key.classList.contains("dgm-black")).length;
      let before = 0;
      for (const key of group) {
        if (key.classList.contains("dgm-black")) key.style.left = `${(before / whites) * 100}%`;
        else before++;
      }
      return make("div", { class: "dgm-octave", style: `flex: ${whites}; --whites: ${whites}` }, ...group);
    });
    piano.replaceChildren(...octaves);
  }

  function paint() {
    keys.forEach((key, index) => {
      const note = first + index;
      const inside = note >= low() && note <= high();
      const letter = index < CODES.length ? `, computer key ${letters[index]}` : "";
      const ready = model.pitched ? notes.has(note) && notes.get(note).buffer : sampled;
      key.disabled = !inside;
      key.setAttribute("aria-label", `${named(note)}${letter}`);
      key.classList.toggle("dgm-unready", !ready);
      key.classList.toggle("dgm-down", [...voices.values()].some((held) => held.note === note));
      const name = key.querySelector(".dgm-key-name");
      if (name) name.textContent = note % 12 ? "" : `C${octave(note)}`;
    });
    range.textContent = `C${octave(first)} – C${octave(first) + 2}`;
    down.disabled = first <= least();
    up.disabled = first >= most();
    message.textContent = hint();
  }

  function hint() {
    if (!model.pitched) {
      if (!state.current) return "No sound in the dock yet: generate one, then play it here.";
      return `The keys play ${state.current.title} of ${state.current.model}.`;
    }
    const inside = keys.map((_, index) => first + index).filter((note) => note >= low() && note <= high());
    const ready = inside.filter((note) => notes.has(note) && notes.get(note).buffer).length;
    return ready === inside.length ? `${ready} notes are ready.` : `${ready} of ${inside.length} notes are ready.`;
  }

  // --- what sounds ------------------------------------------------------------------------------

  function press(who, note) {
    if (voices.has(who) || note < low() || note > high()) return;
    const sound = model.pitched ? notes.get(note) : state.current;
    const buffer = model.pitched ? sound && sound.buffer : sampled;
    if (!buffer) return void (message.textContent = model.pitched ? `${named(note)} is not ready yet.` : hint());
    const rate = model.pitched ? 1 : 2 ** ((note - MIDDLE) / 12);
    const voice = dgm.start(buffer, { rate, decibels: dgm.gain(sound).change - HEADROOM, shape });
    voices.set(who, { note, voice });
    mark(note);
  }

  function lift(who) {
    const held = voices.get(who);
    if (!held) return;
    voices.delete(who);
    held.voice.stop(shape.release);
    mark(held.note);
  }

  function mark(note) {
    const key = keys[note - first];
    if (key) key.classList.toggle("dgm-down", [...voices.values()].some((held) => held.note === note));
  }

  const silence = () => [...voices.keys()].forEach(lift);

  function shift(by) {
    if (by < 0 ? down.disabled : up.disabled) return;
    silence();
    first += by;
    paint();
    request();
  }

  // --- what the server makes ----------------------------------------------------------------------

  function request() {
    stale = true;
    if (!shown) return;
    stale = false;
    if (!model.pitched) return sample();
    const sound = state.current;
    const recipe = sound && sound.recipe.includes(model.weights) ? sound.recipe : null;
    dgm.ask("keys-make", { first, turn: ++turn, recipe });
  }

  function retune() {
    if (!model.pitched) return;
    notes = new Map();
    since = turn + 1;
    paint();
    request();
  }

  function sample() {
    const sound = state.current;
    sampled = null;
    paint();
    if (!sound) return;
    dgm.load(sound.key).then((buffer) => {
      if (state.current === sound) sampled = buffer;
      paint();
    }, (problem) => (message.textContent = problem.message));
  }

  function receive({ turn: then, notes: made }) {
    if (then < since) return;
    for (const [note, sound] of made || []) {
      if (notes.has(note)) continue;
      notes.set(note, sound);
      dgm.load(sound.key).then((buffer) => {
        sound.buffer = buffer;
        paint();
      }, () => notes.delete(note));
    }
  }

  function render() {
    const value = props.value || {};
    if (JSON.stringify(value) === JSON.stringify(model)) return;
    silence();
    model = { ...value };
    first = Math.min(Math.max(first, least()), most());
    if (model.pitched) retune();
    else request();
  }

  // --- events -----------------------------------------------------------------------------------

  const inText = (node) => !!(node && node.closest && node.closest("input:not([type=range]):not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]"));
  const typing = () => (state.typing = shown && !inText(document.activeElement));

  function noteAt(x, y) {
    const under = document.elementFromPoint(x, y);
    const key = under && under.closest(".dgm-key");
    return key && keys.includes(key) && !key.disabled ? first + keys.indexOf(key) : null;
  }
  piano.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    if (event.target.hasPointerCapture(event.pointerId)) event.target.releasePointerCapture(event.pointerId);
    const note = noteAt(event.clientX, event.clientY);
    if (note !== null) press(event.pointerId, note);
  });
  window.addEventListener("pointermove", (event) => {
    const held = voices.get(event.pointerId);
    if (!held) return;
    const note = noteAt(event.clientX, event.clientY);
    if (note === null || note === held.note) return;
    lift(event.pointerId);
    press(event.pointerId, note);
  });
  for (const end of ["pointerup", "pointercancel"]) window.addEventListener(end, (event) => lift(event.pointerId));
  piano.addEventListener("contextmenu", (event) => event.preventDefault()); // a long touch is a long note

  piano.addEventListener("keydown", (event) => {
    const index = keys.indexOf(event.target);
    const next = { ArrowLeft: index - 1, ArrowRight: index + 1, Home: 0, End: KEYS - 1 }[event.key];
    if (index < 0 || (next === undefined && event.key !== "Enter" && event.key !== " ")) return;
    event.preventDefault();
    event.stopPropagation();
    if (next === undefined) {
      if (!event.repeat) press(event.key, first + index);
    } else if (keys[next]) {
      keys[focus].tabIndex = -1;
      focus = next;
      keys[focus].tabIndex = 0;
      keys[focus].focus();
    }
  });
  window.addEventListener("keydown", (event) => {
    if (!shown || event.ctrlKey || event.metaKey || event.altKey || inText(event.target)) return;
    const index = CODES.indexOf(event.code);
    if (index >= 0 && !event.repeat) press(event.code, first + index);
    else if (event.code === "KeyZ" || event.code === "KeyX") shift(event.code === "KeyZ" ? -12 : 12);
    else if (index < 0) return;
    event.preventDefault();
  });
  window.addEventListener("keyup", (event) => {
    lift(event.code);
    lift(event.key);
  });
  window.addEventListener("blur", silence);
  for (const name of ["focusin", "focusout"]) document.addEventListener(name, () => setTimeout(typing));

  dgm.whenShown(home, (now) => {
    shown = now;
    typing();
    if (!now) silence();
    else if (stale) request();
  });
  dgm.on("keys-made", receive);
  dgm.on("keys-timbre", retune);
  dgm.on("keys-source", (chosen) => {
    ofDock = chosen;
    retune();
  });
  dgm.on("current", () => {
    if (!model.pitched) request();
    else if (ofDock) retune();
  });
  watch("value", render);
  build();
  render();
  paint();
  if (navigator.keyboard && navigator.keyboard.getLayoutMap) {
    navigator.keyboard.getLayoutMap().then((layout) => {
      letters = CODES.map((code, index) => (layout.get(code) || LETTERS[index]).toUpperCase());
      build();
      paint();
    }, () => {});
  }
};
