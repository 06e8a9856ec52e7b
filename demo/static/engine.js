// Shared by all widgets: sounds in memory, the player, kept sounds, links.
// Sounds are played by Web Audio, so that a decoded sound starts within a few milliseconds.
window.dgm = (() => {
  "use strict";
  const FADE = 0.03; // seconds in which a sound that is cut off fades out
  const CEILING = -1; // dBFS to which a sound that is louder is lowered
  const WALL = 20; // a sum of sounds that passes it by so many dB comes out 1 dB above it
  const TARGET = -20; // LUFS that "match loudness" brings sounds to
  const MOST = 256; // decoded sounds in memory
  const MOST_SAMPLES = 64e6; // in all of them; four bytes each
  const bus = new EventTarget();
  const buffers = new Map(); // key -> the promise of a sound, and how many samples it has
  let context = null;
  let input = null; // of what sounds together
  let output = null; // the last node before the speakers
  let voice = null;

  const on = (name, act) => bus.addEventListener(name, (event) => act(event.detail));
  const emit = (name, detail) => bus.dispatchEvent(new CustomEvent(name, { detail }));

  function audio() {
    if (!context) {
      context = new AudioContext();
      output = context.createAnalyser();
      output.fftSize = 2048;
      input = wall();
      output.connect(context.destination);
    }
    if (context.state === "suspended") context.resume();
    return context;
  }

  // Several sounds at once may be louder than each of them: their sum is compressed, as good as not
  // beyond the ceiling. The gain takes back what the compressor adds by itself (Web Audio's makeup).
  function wall() {
    const compressor = new DynamicsCompressorNode(context, { threshold: CEILING, ratio: WALL, knee: 0, attack: 0.001 });
    const added = -0.6 * CEILING * (1 - 1 / WALL); // dB
    compressor.connect(new GainNode(context, { gain: 10 ** (-added / 20) })).connect(output);
    return compressor;
  }
  for (const gesture of ["pointerdown", "keydown"]) {
    window.addEventListener(gesture, () => context && context.resume(), { capture: true });
  }

  function url(key, kind, query) {
    const address = new URL(`sounds/${key}.${kind}`, document.baseURI);
    for (const [name, value] of Object.entries(query || {})) address.searchParams.set(name, value);
    return address.href;
  }

  // Promise of the decoded sound of a key, so that each is fetched once.
  function load(key) {
    if (buffers.has(key)) {
      const found = buffers.get(key);
      buffers.delete(key);
      buffers.set(key, found); // the last used stay
      return found.loading;
    }
    const loading = fetch(url(key, "wav", { bits: 16 }))
      .then((answer) => {
        if (!answer.ok) throw new Error("this sound is no longer kept; make it again");
        return answer.arrayBuffer();
      })
      .then((bytes) => audio().decodeAudioData(bytes));
    const entry = { loading, samples: 0 };
    buffers.set(key, entry);
    loading.then((buffer) => {
      entry.samples = buffer.length * buffer.numberOfChannels;
      tidy();
    }, () => buffers.delete(key));
    return loading;
  }

  // Drops the least recently used sounds.
  function tidy() {
    let samples = [...buffers.values()].reduce((sum, one) => sum + one.samples, 0);
    for (const [key, one] of buffers) {
      if (buffers.size === 1 || (buffers.size <= MOST && samples <= MOST_SAMPLES)) return;
      buffers.delete(key);
      samples -= one.samples;
    }
  }

  // Decibels by which a sound is changed when it is played, and by how many it was lowered to the ceiling.
  function gain(sound) {
    let change = 0;
    if (state.match && sound.lufs !== null && sound.lufs !== undefined) change = TARGET - sound.lufs;
    const peak = sound.peak_dbfs === null ? -Infinity : sound.peak_dbfs + change;
    const limited = Math.max(0, peak - CEILING);
    return { change: change - limited, limited };
  }

  // Starts a sound that can be held: {stop(), source}. Several may sound at once.
  function start(buffer, options) {
    const { rate = 1, decibels = 0, loop = false, offset = 0, shape = null } = options || {};
    const now = audio().currentTime;
    const source = context.createBufferSource();
    const level = context.createGain();
    const top = 10 ** (decibels / 20);
    source.buffer = buffer;
    source.playbackRate.value = rate;
    source.loop = loop;
    level.gain.setValueAtTime(shape ? 0 : top, now);
    if (shape) {
      level.gain.linearRampToValueAtTime(top, now + shape.attack);
      level.gain.setTargetAtTime(top * shape.sustain, now + shape.attack, shape.decay / 3 + 1e-3);
    }
    source.connect(level).connect(input);
    source.start(now, offset);
    return {
      source,
      began: now - offset,
      stop(release = FADE) {
        const end = context.currentTime;
        // An attack that is cut off goes on from where it is, where the browser can do that.
        (level.gain.cancelAndHoldAtTime || level.gain.cancelScheduledValues).call(level.gain, end);
        level.gain.setTargetAtTime(0, end, release / 4 + 1e-3);
        source.stop(end + release + 0.02);
      },
    };
  }

  // Plays one sound; what sounded before fades out.
  async function play(sound, offset = 0) {
    audio();
    const turn = ++state.turn;
    let buffer;
    try {
      buffer = await load(sound.key);
    } catch (problem) {
      emit("problem", problem.message);
      return;
    }
    if (turn !== state.turn) return; // a newer sound was requested meanwhile
    if (voice) voice.stop();
    const { change } = gain(sound);
    const mine = start(buffer, { decibels: change, loop: state.loop, offset });
    voice = Object.assign(mine, { key: sound.key, length: buffer.duration });
    mine.source.onended = () => {
      if (voice === mine) {
        voice = null;
        emit("ended", sound);
      }
    };
    state.played.push(sound.key);
    if (state.played.length > 1000) state.played.shift();
    emit("play", sound);
  }

  function stop() {
    state.turn++;
    if (voice) voice.stop();
    voice = null;
    emit("ended", null);
  }

  // Seconds into the sound that plays, or null.
  function position() {
    if (!voice) return null;
    const seconds = context.currentTime - voice.began;
    return voice.source.loop ? seconds % voice.length : Math.min(seconds, voice.length);
  }

  // Root mean square of what plays now, for the meters.
  function loudness() {
    if (!output) return 0;
    const samples = new Float32Array(output.fftSize);
    output.getFloatTimeDomainData(samples);
    return Math.sqrt(samples.reduce((sum, one) => sum + one * one, 0) / samples.length);
  }

  const state = {
    current: null, // the sound in the dock
    kept: [],
    ends: { a: null, b: null },
    match: false,
    loop: false,
    auto: true, // new sounds play at once
    turn: 0,
    played: [], // keys, in the order in which they began to sound
  };

  function show(sound, playing) {
    state.current = sound;
    emit("current", sound);
    if (sound && playing) play(sound);
  }

  function keep(sound) {
    if (!sound || state.kept.some((one) => one.key === sound.key)) return;
    state.kept.push(sound);
    emit("kept", state.kept);
  }
  function drop(key) {
    state.kept = state.kept.filter((one) => one.key !== key);
    emit("kept", state.kept);
  }
  function send(end, sound) {
    state.ends[end] = sound;
    emit("ends", state.ends);
  }

  // A link carries the recipe, in base64 that needs no escapes.
  function share(sound) {
    const address = new URL(document.baseURI);
    address.search = "";
    address.hash = "";
    const text = btoa(sound.recipe).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
    address.searchParams.set("r", text);
    return address.href;
  }
  function link() {
    const text = new URL(window.location.href).searchParams.get("r");
    if (!text) return "";
    try {
      return atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    } catch {
      return "damaged";
    }
  }

  // --- helpers for widgets ------------------------------------------------------------------------

  function make(tag, attributes, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (value === true) node.setAttribute(name, "");
      else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
    }
    node.append(...children.filter((child) => child !== null && child !== undefined));
    return node;
  }

  // Range of the samples under each pixel, drawn on a canvas in the colour of its CSS.
  function draw(canvas, buffer, share = null) {
    const ratio = window.devicePixelRatio || 1;
    const width = (canvas.width = Math.max(1, Math.round(canvas.clientWidth * ratio)));
    const height = (canvas.height = Math.max(1, Math.round(canvas.clientHeight * ratio)));
    const pen = canvas.getContext("2d");
    const style = getComputedStyle(canvas);
    pen.clearRect(0, 0, width, height);
    if (!buffer) return;
    const samples = buffer.getChannelData(0);
    const step = samples.length / width;
    const done = share === null ? 0 : share * width;
    for (let x = 0; x < width; x++) {
      let low = 0;
      let high = 0;
      const end = Math.max(Math.floor((x + 1) * step), Math.floor(x * step) + 1);
      for (let i = Math.floor(x * step); i < end && i < samples.length; i++) {
        if (samples[i] < low) low = samples[i];
        if (samples[i] > high) high = samples[i];
      }
      pen.fillStyle = x < done ? style.accentColor : style.color;
      const top = ((1 - high) / 2) * height;
      pen.fillRect(x, top, 1, Math.max(((high - low) / 2) * height, ratio));
    }
  }

  const decibels = (value) => (value === null ? "silent" : `${value.toFixed(1)} dBFS`);

  return {
    on, emit, url, load, gain, start, play, stop, position, loudness, audio, state, show, keep, drop,
    send, share, link, make, draw, decibels, TARGET,
  };
})();
