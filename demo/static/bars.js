// Sliders for the strongest latent directions; a random nudge leaves locked ones as they are.
dgm.bars = (element, props, trigger, watch) => {
  "use strict";
  const home = element.querySelector(".dgm-bars");
  const { make } = dgm;
  const locks = [];
  let rows = [];
  let shown = "";

  const amounts = () => (props.value && props.value.amounts) || [];

  function put(values, event) {
    props.value = { ...props.value, amounts: values.map((one) => Math.round(one * 100) / 100) };
    show();
    if (event) trigger(event);
  }

  function row(words, index) {
    const text = make("output", {}, "0");
    const slider = make("input", {
      type: "range", min: -3, max: 3, step: 0.05, value: 0, "aria-label": `Direction ${index + 1}, ${words}, in standard deviations`,
      oninput: (event) => (text.textContent = signed(Number(event.target.value))),
      onchange: (event) => put(amounts().map((one, place) => (place === index ? Number(event.target.value) : one)), "release"),
    });
    const lock = make("button", { type: "button", class: "dgm-lock", "aria-pressed": "false", "aria-label": `Lock direction ${index + 1}`, title: "Lock: a random nudge leaves this slider as it is",
      onclick: () => {
        locks[index] = !locks[index];
        show();
      } }, "lock");
    const name = make("span", { class: "dgm-bar-name" }, make("b", {}, String(index + 1)), ` ${words}`);
    slider.addEventListener("dblclick", () => put(amounts().map((one, place) => (place === index ? 0 : one)), "release"));
    return { node: make("div", { class: "dgm-bar" }, name, slider, text, lock), slider, text, lock };
  }

  const signed = (value) => `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(value).toFixed(2).replace(/\.?0+$/, "")} σ`;

  function show() {
    amounts().forEach((value, index) => {
      const one = rows[index];
      if (!one) return;
      one.slider.value = value;
      one.text.textContent = signed(value);
      one.slider.classList.toggle("dgm-moved", value !== 0);
      one.lock.setAttribute("aria-pressed", String(!!locks[index]));
      one.lock.textContent = locks[index] ? "locked" : "lock";
    });
  }

  // Roughly normal: the sum of three uniform numbers.
  const drawn = () => 0.7 * (2 * (Math.random() + Math.random() + Math.random()) - 3);
  const nudge = () => put(amounts().map((value, index) => (locks[index] ? value : Math.min(Math.max(value + drawn(), -3), 3))), "release");
  const reset = () => put(amounts().map(() => 0), "release");

  function render() {
    const strength = (props.value && props.value.strength) || [];
    const now = JSON.stringify(strength);
    if (now !== shown) {
      shown = now;
      rows = strength.map(row);
      home.replaceChildren(
        ...(rows.length
          ? [
              make("p", { class: "dgm-bars-head" }, make("strong", {}, "Strongest directions"), make("span", {}, "effect of one standard deviation σ, and the slider position"),
                make("button", { type: "button", class: "dgm-button", onclick: nudge }, "Random nudge"),
                make("button", { type: "button", class: "dgm-button", onclick: reset }, "Reset")),
              make("div", { class: "dgm-bars-grid" }, ...rows.map((one) => one.node)),
            ]
          : []),
      );
    }
    show();
  }

  watch("value", render);
  render();
};
