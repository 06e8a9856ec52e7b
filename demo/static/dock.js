// The player under the tabs.
dgm.dock = (element, props, trigger, watch) => {
  "use strict";
  const home = element.querySelector(".dgm-dock");
  const { make, state } = dgm;
  let buffer = null;

  const button = (label, title, act, more) =>
    make("button", { type: "button", title, "aria-label": title, onclick: act, ...more }, label);
  const tick = (label, title, name) => {
    const box = make("input", { type: "checkbox", onchange: (event) => {
      state[name] = event.target.checked;
      facts();
    } });
    box.checked = state[name];
    return make("label", { title }, box, label);
  };

  const toggle = button("▶", "Play or pause (space)", () => (dgm.position() === null ? dgm.play(state.current) : dgm.stop()), { class: "dgm-play", id: "dgm-play" });
  const more = button("⋯", "More of this sound", () => {
    const open = home.classList.toggle("dgm-open");
    more.setAttribute("aria-expanded", String(open));
  }, { class: "dgm-more", "aria-expanded": "false" });
  const name = make("strong", { class: "dgm-name" });
  const levels = make("span", { class: "dgm-levels" });
  const message = make("p", { class: "dgm-told", role: "status" });
  const wave = make("canvas", { class: "dgm-wave", role: "slider", tabindex: "0", "aria-label": "Position", "aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": "0" });
  const picture = make("img", { class: "dgm-mel" });
  const seed = button("", "Copy the seed", () => copy(String(state.current.seed), "The seed is copied."), { class: "dgm-seed-copy" });
  const downloads = make("span", { class: "dgm-downloads" });
  const kept = make("div", { class: "dgm-kept" });
  const link = button("Copy link", "Copy a link that recreates this sound", () => {
    if (state.current.unlinked) say(state.current.unlinked);
    else copy(dgm.share(state.current), "The link is copied; it recreates this sound.");
  }, { id: "dgm-link" });

  home.append(
    make("div", { class: "dgm-transport" }, toggle, more,
      tick("loop", "Repeat the sound", "loop"),
      tick("autoplay", "Play new sounds at once", "auto"),
      tick("match loudness", `Listen at ${dgm.TARGET} LUFS; downloads stay as they are`, "match")),
    make("div", { class: "dgm-sight" }, wave, picture),
    make("div", { class: "dgm-facts" },
      make("div", {}, name, " ", seed), levels,
      make("div", { class: "dgm-buttons" }, downloads, link,
        button("Keep", "Keep this sound for corners and comparisons", () => dgm.keep(state.current), { id: "dgm-keep" }),
        button("→ A", "Send to A, the start of a line", () => dgm.send("a", state.current), { id: "dgm-send-a" }),
        button("→ B", "Send to B, the end of a line", () => dgm.send("b", state.current), { id: "dgm-send-b" })),
      kept, message),
  );

  function say(text) {
    message.textContent = text;
  }
  async function copy(text, done) {
    try {
      await navigator.clipboard.writeText(text);
      say(done);
    } catch {
      const box = make("textarea", { readonly: true }, text);
      message.replaceChildren("Copy this: ", box);
      box.select();
    }
  }

  function facts() {
    const sound = state.current;
    home.classList.toggle("dgm-empty", !sound);
    if (!sound) {
      name.textContent = "No sound yet: press Generate, or G.";
      return;
    }
    name.textContent = `${sound.model} · ${sound.title}`;
    seed.textContent = sound.seed === null ? "" : `copy seed ${sound.seed}`;
    seed.hidden = sound.seed === null || sound.seed === undefined;
    const { change, limited } = dgm.gain(sound);
    const loud = sound.lufs === null ? "" : ` · ${sound.lufs.toFixed(1)} LUFS${sound.indicative ? " (short)" : ""}`;
    const playback = Math.abs(change) > 0.05 ? ` · playback ${change > 0 ? "+" : ""}${change.toFixed(1)} dB` : "";
    const limiter = limited > 0.05 ? ` · limiter −${limited.toFixed(1)} dB` : "";
    const top = document.getElementById("dgm-speed");
    if (top) top.textContent = sound.took > 0 ? ` · last sound at ${speed(sound)}` : "";
    levels.textContent = `peak ${dgm.decibels(sound.peak_dbfs)}${loud} · ${sound.seconds.toFixed(2)} s${playback}${limiter}`;
  }

  // Seconds of sound per second of work.
  function speed(sound) {
    const ratio = sound.seconds / sound.took;
    return `${ratio < 10 ? ratio.toFixed(1) : Math.round(ratio)} × real time`;
  }

  function saves(sound) {
    const file = (label, title, kind, query) =>
      make("a", { href: dgm.url(sound.key, kind, { ...query, name: sound.file }), download: true, title, class: "dgm-save" }, label);
    downloads.replaceChildren(
      make("span", {}, "WAV"),
      file("16", "Download as 16-bit WAV with the recipe inside", "wav", { bits: 16 }),
      file("24", "Download as 24-bit WAV with the recipe inside", "wav", { bits: 24 }),
      file("32f", "Download as 32-bit float WAV with the recipe inside", "wav", { bits: 32 }),
      ...(sound.recipe ? [file("recipe", "Download the recipe as JSON", "json")] : []),
      ...sound.beside.map((one) =>
        make("a", { href: new URL(`latents/${one}`, document.baseURI).href, download: true, class: "dgm-save", title: "Keep this file with the WAV: its recipe needs it" }, "latents")),
    );
    link.classList.toggle("dgm-off", !!sound.unlinked);
  }

  async function current(sound) {
    say("");
    facts();
    if (!sound) return;
    saves(sound);
    picture.src = dgm.url(sound.key, "png");
    picture.alt = `Log-mel spectrogram of ${sound.title}, Hz over seconds`;
    try {
      buffer = await dgm.load(sound.key);
      if (state.current === sound) dgm.draw(wave, buffer);
    } catch (problem) {
      say(problem.message);
    }
  }

  function keeps(sounds) {
    kept.replaceChildren(...(sounds.length ? [make("span", {}, "Kept:")] : []), ...sounds.map((one) =>
      make("span", { class: "dgm-chip" },
        button(one.title, `Play ${one.title} of ${one.model}`, () => dgm.show(one, true)),
        button("×", `Remove ${one.title} from the kept sounds`, () => dgm.drop(one.key)))));
  }

  function seek(share) {
    if (buffer && state.current) dgm.play(state.current, Math.min(Math.max(share, 0), 0.999) * buffer.duration);
  }
  wave.addEventListener("click", (event) => seek(event.offsetX / wave.clientWidth));
  wave.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -0.05, ArrowRight: 0.05 }[event.key];
    if (!step || !buffer) return;
    event.preventDefault();
    event.stopPropagation();
    seek((dgm.position() || 0) / buffer.duration + step);
  });

  function tickOn() {
    const seconds = dgm.position();
    toggle.textContent = seconds === null ? "▶" : "■";
    if (buffer) {
      const share = seconds === null ? null : seconds / buffer.duration;
      wave.setAttribute("aria-valuenow", Math.round((share || 0) * 100));
      dgm.draw(wave, buffer, share);
    }
    if (seconds !== null) requestAnimationFrame(tickOn);
  }
  dgm.on("play", () => requestAnimationFrame(tickOn));
  dgm.on("ended", tickOn);
  dgm.on("current", current);
  dgm.on("kept", keeps);
  dgm.on("ends", ({ a, b }) => say(`A: ${a ? a.title : "–"}   B: ${b ? b.title : "–"}   (the line is under Morph)`));
  dgm.on("problem", (text) => say(text));
  window.addEventListener("resize", () => buffer && dgm.draw(wave, buffer));

  watch("value", () => props.value && dgm.show(props.value, state.auto && !props.value.quiet));
  dgm.show(props.value || null, false);
  keeps(state.kept);
};
