// The code that makes the sound in the dock.
dgm.learn = (element, props, trigger, watch) => {
  "use strict";
  const home = element.querySelector(".dgm-learn");
  const { make, state } = dgm;
  let asked = "";

  const visible = () => element.offsetParent !== null;
  function ask() {
    const sound = state.current;
    const recipe = sound ? sound.recipe : "";
    if (!visible() || recipe === asked) return;
    asked = recipe;
    if (!recipe) {
      props.value = {};
      render();
      return;
    }
    props.value = { recipe, file: sound.file };
    trigger("input");
  }

  function copied(button, text) {
    const say = (word) => {
      button.textContent = word;
      setTimeout(() => (button.textContent = "Copy"), 1500);
    };
    navigator.clipboard.writeText(text).then(() => say("Copied"), () => say("Select it and copy"));
  }
  function block(title, text, name) {
    const button = make("button", { type: "button", class: "dgm-button", "aria-label": `Copy: ${title}`, onclick: () => copied(button, text) }, "Copy");
    return make("section", { class: `dgm-code dgm-code-${name}` }, make("header", {}, make("strong", {}, title), button), make("pre", { tabindex: "0" }, make("code", {}, text)));
  }

  function render() {
    const value = props.value || {};
    if (!value.lines) {
      const words = state.current
        ? state.current.recipe ? "…" : "No recipe makes the sound in the dock: it is a recording, or made of a sound by a vocoder."
        : "Make a sound, and the Python lines that make it again stand here.";
      home.replaceChildren(make("p", { class: "dgm-note" }, words));
      return;
    }
    home.replaceChildren(
      block("The sound in the dock, in Python", value.lines, "python"),
      block("Or from its downloaded WAV, whose recipe is inside", value.command, "command"),
      ...(value.note ? [make("p", { class: "dgm-note" }, value.note)] : []),
    );
  }

  dgm.on("current", ask);
  new IntersectionObserver(ask).observe(element);
  watch("value", render);
  render();
  ask();
};
