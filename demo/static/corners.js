// The cards of a pad's corners: a seed with dice, a kept sound, or an upload.
dgm.corners = (changed, play, own) => {
  "use strict";
  const { make } = dgm;
  const DRAWN = 1000000;
  const draw = () => ({ seed: Math.floor(Math.random() * DRAWN) });
  const corners = [{ seed: 1 }, { seed: 2 }, { seed: 3 }, { seed: 4 }];
  let weights = "";
  const name = (index) => corners[index].title || `seed ${corners[index].seed}`;

  function set(index, corner) {
    corners[index] = corner;
    cards[index].show();
    changed(!!corner.recipe);
  }
  // Only sounds of this model with latents can be corners.
  const fits = (sound) => {
    if (!sound.recipe) return false;
    const recipe = JSON.parse(sound.recipe);
    return recipe.weights === weights && !["path", "speak"].includes(recipe.call);
  };
  const take = (index, sound) => set(index, { recipe: sound.recipe, title: sound.title });

  function card(index) {
    const number = index + 1;
    const button = (text, title, act, more) =>
      make("button", { type: "button", class: "dgm-button", title, "aria-label": title, onclick: act, ...more }, text);
    const wave = make("canvas", { class: "dgm-wave", "aria-hidden": "true" });
    let buffer = null;
    const title = make("strong", { class: "dgm-corner-name" });
    const seed = make("input", {
      type: "number", min: 0, max: 2 ** 53 - 1, step: 1, class: "dgm-text", placeholder: "seed", "aria-label": `Seed of corner ${number}`,
      onchange: () => Number.isSafeInteger(seed.valueAsNumber) && seed.valueAsNumber >= 0
        ? set(index, { seed: seed.valueAsNumber }) : show(),
    });
    const kept = make("select", {
      class: "dgm-text", "aria-label": `A kept sound as corner ${number}`,
      onchange: () => {
        const sound = dgm.state.kept.find((one) => one.key === kept.value);
        kept.value = "";
        if (sound) take(index, sound);
      },
    });
    const mine = button("own sound", `Your own sound as corner ${number}`, () => own(index));

    function show() {
      title.textContent = name(index);
      seed.value = corners[index].seed ?? "";
      hear(null);
    }
    function hear(sound) {
      buffer = sound;
      dgm.draw(wave, buffer);
    }
    new ResizeObserver(() => dgm.draw(wave, buffer)).observe(wave);
    function offer() {
      const sounds = dgm.state.kept.filter(fits);
      kept.replaceChildren(make("option", { value: "" }, "kept sounds"),
        ...sounds.map((one) => make("option", { value: one.key }, one.title)));
      kept.hidden = !sounds.length;
    }
    const node = make("div", { class: `dgm-corner dgm-corner-${number}`, role: "group", "aria-label": `Corner ${number}` },
      make("div", { class: "dgm-corner-head" }, button(String(number), `Play corner ${number} (key ${number})`, () => play(index), { class: "dgm-corner-key" }), title),
      wave,
      make("div", { class: "dgm-corner-row" }, seed,
        button("⚂", `New seed for corner ${number}`, () => set(index, draw()), { class: "dgm-button dgm-die" })),
      make("div", { class: "dgm-corner-row" }, kept, mine,
        button("→ A", `Corner ${number} to A, the start of the line`, () => send("a")),
        button("→ B", `Corner ${number} to B, the end of the line`, () => send("b"))));
    const send = (end) => node.dispatchEvent(new CustomEvent("send", { detail: { end, index } }));
    show();
    return { node, show, offer, hear, mine };
  }
  const cards = corners.map((_, index) => card(index));
  const offer = () => cards.forEach((one) => one.offer());
  dgm.on("kept", offer);
  offer();

  return {
    nodes: cards.map((one) => one.node),
    take,
    wave: (index, buffer) => cards[index].hear(buffer),
    values: () => corners.map(({ seed, recipe }) => (recipe ? { recipe } : { seed })),
    roll() {
      corners.forEach((_, index) => (corners[index] = draw()));
      cards.forEach((one) => one.show());
      changed(false);
    },
    // On another model, seeds stay and sounds of the old model are removed.
    model(now, deaf) {
      weights = now;
      corners.forEach((corner, index) => corner.recipe && (corners[index] = draw()));
      for (const one of cards) {
        one.show();
        one.offer();
        one.mine.hidden = !!deaf;
      }
    },
  };
};
