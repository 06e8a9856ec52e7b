// One-way channels ("wires") between scripts and the server, separate from the values of widgets, so
// that requests and answers never overwrite each other.
// `dgm.ask(wire, value)` sends a request; an answer arrives as the event with the name of its wire.
(() => {
  "use strict";
  const wires = new Map();
  const waiting = new Map();

  dgm.ask = (wire, value) => {
    if (wires.has(wire)) wires.get(wire)(value);
    else waiting.set(wire, value); // its tab is still being built
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

  // Calls back with true when an element becomes visible, with false when its tab is left.
  dgm.whenShown = (element, act) => {
    let shown = false;
    new ResizeObserver(() => {
      const now = element.offsetWidth > 0;
      if (now !== shown) act((shown = now));
    }).observe(element);
  };
})();
