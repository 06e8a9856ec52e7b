// The two ends of a line, sent from the dock or the pad.
dgm.line = (element, props, trigger, watch) => {
  "use strict";
  const home = element.querySelector(".dgm-line");
  const { make, state } = dgm;
  const end = (letter) => {
    const sound = state.ends[letter];
    const title = sound ? sound.title : "none yet: press → " + letter.toUpperCase();
    return make("button", {
      type: "button", class: "dgm-end", disabled: !sound, "aria-label": `Play ${letter.toUpperCase()}: ${title}`,
      onclick: () => dgm.show(sound, true),
    }, make("b", {}, letter.toUpperCase()), make("span", {}, title));
  };
  function show() {
    home.replaceChildren(end("a"), make("span", { class: "dgm-arrow", "aria-hidden": "true" }), end("b"));
    const recipeOf = (sound) => (sound && sound.recipe ? { recipe: sound.recipe } : null);
    props.value = { a: recipeOf(state.ends.a), b: recipeOf(state.ends.b) };
  }
  dgm.on("ends", show);
  show();
};
