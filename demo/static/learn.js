// The code that makes the sound in the dock.
dgm.learn = (element, props, trigger, watch) => {
  "use strict";
  const home = element.querySelector(".dgm-learn");
  const { make, state } = dgm;
  let requested = "";

  const visible = () => element.offsetParent !== null;
  function ask() {
    const sound = state.current;
    const recipe = sound ? sound.recipe : "";
    if (!visible() || recipe === requested) return;
    requested = recipe;
    if (!recipe) {
      props.value = {};
      render();
      return;
    }
    props.value = { recipe, file: sound.file };
    trigger("input");
  }

  function copied(button, text) {
    const flash = (word) => {
      button.textContent = word;
      setTimeout(() => (button.textContent = "Copy"), 1500);
    };
    navigator.clipboard.writeText(text).then(() => flash("Copied"), () => flash("Select it and copy"));
  }
  function block(title, text, name) {
    const button = make("button", { type: "button", class: "dgm-button", "aria-label": `Copy: ${title}`, onclick: () => copied(button, text) }, "Copy");
    return make("section", { class: `dgm-code dgm-code-${name}` }, make("header", {}, make("strong", {}, title), button), make("pre", { tabindex: "0" }, make("code", {}, text)));
  }

  function render() {
    const value = props.value || {};
    if (!value.lines) {
      const hint = state.current
        ? state.current.recipe ? "…" : "The sound in the dock has no recipe: it is a recording, or the output of a vocoder."
        : "Make a sound to see the Python code that makes it.";
      home.replaceChildren(make("p", { class: "dgm-note" }, hint));
      return;
    }
    home.replaceChildren(
      block("The sound in the dock, in Python", value.lines, "python"),
      block("Or from its downloaded WAV, which holds the recipe", value.command, "command"),
      ...(value.note ? [make("p", { class: "dgm-note" }, value.note)] : []),
    );
  }

  dgm.on("current", ask);
  new IntersectionObserver(ask).observe(element);
  watch("value", render);
  render();
  ask();
};
