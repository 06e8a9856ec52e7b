// A wire between scripts and the server beside what a widget shows, so that what the page asks for
// and what the server answers never overwrite each other.
// `dgm.ask(wire, value)` sends; what the server sends comes as the event named like the wire. A wire
// goes one way only.
(() => {
  "use strict";
  const wires = new Map();
  const waiting = new Map();

  dgm.ask = (wire, value) => {
    if (wires.has(wire)) wires.get(wire)(value);
    else waiting.set(wire, value); // its tab is just being built
  };

  dgm.relay = (element, props, trigger, watch) => {
    const wire = props.wire;
    wires.set(wire, (value) => {
      props.value = value;
      trigger("release");
    });
    watch("value", () => props.value && dgm.emit(wire, props.value));
    if (waiting.has(wire)) dgm.ask(wire, waiting.get(wire));
    waiting.delete(wire);
  };

  // Calls back with true when an element begins to be shown, with false when its tab is left.
  dgm.whenShown = (element, act) => {
    let shown = false;
    new ResizeObserver(() => {
      const now = element.offsetWidth > 0;
      if (now !== shown) act((shown = now));
    }).observe(element);
  };
})();
