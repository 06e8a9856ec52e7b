// The conditions of a model: a list for classes, a slider for numbers, a line for a text to be said.
dgm.controls = (element, props, trigger, watch) => {
  "use strict";
  const home = element.querySelector(".dgm-controls");
  let shown = "";

  function choose(key, value) {
    const given = { ...props.value.given };
    if (value === "" || value === null) delete given[key];
    else given[key] = value;
    props.value = { ...props.value, given };
    trigger("change");
  }

  // Enter: the main button of the tab, when the text has reached the server's side of the page.
  function say(key, value) {
    if ((props.value.given[key] || "") !== value) choose(key, value);
    setTimeout(() => dgm.emit("go"), 100);
  }

  function field(one) {
    const id = `dgm-field-${one.key}`;
    const label = dgm.make("label", { for: id }, one.key);
    if (one.text !== undefined) {
      const line = dgm.make("input", {
        id, type: "text", class: "dgm-say", placeholder: one.text, maxlength: 1000, autocomplete: "off", enterkeyhint: "go",
        onchange: () => choose(one.key, line.value.trim()),
        onkeydown: (event) => event.key === "Enter" && !event.isComposing && say(one.key, line.value.trim()),
      });
      return dgm.make("div", { class: "dgm-field dgm-field-text" }, label, line);
    }
    if (one.names) {
      const list = dgm.make(
        "select",
        { id, onchange: (event) => choose(one.key, event.target.value) },
        dgm.make("option", { value: "" }, "any"),
        ...one.names.map((name) => dgm.make("option", { value: name }, name.replaceAll("_", " "))),
      );
      return dgm.make("div", { class: "dgm-field" }, label, list);
    }
    const text = dgm.make("output", { for: id }, String(one.value));
    const slider = dgm.make("input", {
      id, type: "range", min: one.low, max: one.high, step: one.high - one.low > 10 ? 1 : "any", value: one.value,
      oninput: (event) => (text.textContent = event.target.value),
      onchange: (event) => choose(one.key, Number(event.target.value)),
    });
    return dgm.make("div", { class: "dgm-field" }, label, slider, text, dgm.make("small", {}, one.unit));
  }

  function render() {
    const fields = (props.value && props.value.fields) || [];
    const now = JSON.stringify(fields);
    if (now === shown) return;
    shown = now;
    home.replaceChildren(...fields.map(field));
  }

  watch("value", render);
  render();
};
