// The sound to mix in: a seed, A, B, or a kept sound of the same model.
dgm.mix = (element, props, trigger, watch) => {
  "use strict";
  const home = element.querySelector(".dgm-mix");
  const { make, state } = dgm;
  let choice = "seed";
  let seed = Math.floor(Math.random() * 1e6);

  const text = make("output", {}, "0 %");
  const list = make("select", { "aria-label": "Mix with", onchange: () => { choice = list.value; send(); } });
  const number = make("input", { type: "number", min: 0, step: 1, value: seed, "aria-label": "Seed to mix with",
    onchange: () => { seed = Math.max(0, Math.floor(Number(number.value) || 0)); send(); } });
  const slider = make("input", { type: "range", min: 0, max: 1, step: 0.01, value: 0, "aria-label": "Share of the other sound",
    oninput: () => (text.textContent = `${Math.round(100 * slider.value)} %`), onchange: send });
  home.append(make("label", {}, make("strong", {}, "Mix with")), list, number, slider, text);

  function others() {
    const model = props.value && props.value.model;
    const found = [];
    for (const [name, sound] of [["A", state.ends.a], ["B", state.ends.b], ...state.kept.map((one) => ["kept", one])]) {
      if (sound && sound.model === model && sound.recipe && !["path", "speak"].includes(sound.call)) found.push({ id: `${name} ${sound.key}`, label: `${name}: ${sound.title}`, sound });
    }
    return found;
  }

  function send() {
    const other = others().find((one) => one.id === choice);
    props.value = { ...props.value, with: other ? other.sound.recipe : "", seed, amount: Number(slider.value) };
    fill();
    trigger("release");
  }

  function fill() {
    const all = others();
    if (!all.some((one) => one.id === choice)) choice = "seed";
    list.replaceChildren(make("option", { value: "seed" }, "a seed"), ...all.map((one) => make("option", { value: one.id }, one.label)));
    list.value = choice;
    number.hidden = choice !== "seed";
  }

  function render() {
    const amount = (props.value && props.value.amount) || 0;
    slider.value = amount;
    text.textContent = `${Math.round(100 * amount)} %`;
    fill();
  }

  dgm.on("kept", fill);
  dgm.on("ends", fill);
  watch("value", render);
  render();
};
