"""static/engine.js in a browser: the limiter, decoded sounds in memory, prefetching."""

import math

import pytest
from test_browser_page import open_tab

TONE = """([count, decibels]) => {
  const context = dgm.audio();
  const buffer = context.createBuffer(1, 2 * context.sampleRate, context.sampleRate);
  const samples = buffer.getChannelData(0);
  const step = (2 * Math.PI * 500) / context.sampleRate;
  for (let i = 0; i < samples.length; i++) samples[i] = Math.sin(step * i);
  const voices = Array.from({ length: count }, () => dgm.start(buffer, { decibels }));
  return new Promise((done) => setTimeout(() => {
    const loud = dgm.loudness();
    voices.forEach((voice) => voice.stop());
    setTimeout(() => done(loud), 300);
  }, 800));
}"""


def test_a_sum_of_sounds_does_not_clip_and_one_is_left_as_it_is(visit):
    page = visit()

    def level(count, decibels):
        return 20 * math.log10(page.evaluate(TONE, [count, decibels]) * math.sqrt(2))

    assert level(1, -1) == pytest.approx(-1, abs=0.1)
    assert level(1, -20) == pytest.approx(-20, abs=0.1)
    assert level(6, -1) < 0


def test_few_samples_stay_in_memory(visit):
    page = visit()
    page.evaluate("""() => {
      const made = dgm.audio().createBuffer(2, 8e6, 48000);
      BaseAudioContext.prototype.decodeAudioData = async () => made;
      window.fetched = [];
      window.fetch = async (url) => (fetched.push(url), new Response(new ArrayBuffer(8)));
    }""")
    load = "async (keys) => { for (const key of keys) await dgm.load(key); return fetched.length; }"
    assert page.evaluate(load, ["a", "b", "c", "d"]) == 4
    assert page.evaluate(load, ["a", "b", "c", "d"]) == 4  # 64 million samples: all are there
    assert page.evaluate(load, ["e", "b", "c", "d", "e"]) == 5
    assert page.evaluate(load, ["a"]) == 6


TEN_TIMES_FASTER = """() => {
  const wait = setTimeout.bind(window), now = performance.now.bind(performance);
  window.setTimeout = (act, time, ...rest) => wait(act, time / 10, ...rest);
  performance.now = () => 10 * now();
}"""


@pytest.mark.parametrize("reopened", [True, False])
def test_sounds_are_made_ahead_again_after_no_answer(visit, reopened):
    page = visit()
    if not reopened:
        page.evaluate(TEN_TIMES_FASTER)
    open_tab(page, "map")
    page.locator(".dgm-dot").nth(191).wait_for()
    page.evaluate("() => { window.ask = dgm.ask; dgm.ask = (wire) => (window.unheard = wire); }")
    page.wait_for_function("window.unheard === 'map-make'")
    page.evaluate("() => (dgm.ask = window.ask)")
    done = page.locator(".dgm-dot.dgm-ready").count()
    if reopened:
        open_tab(page, "sample")
        open_tab(page, "map")
    more = "done => document.querySelectorAll('.dgm-dot.dgm-ready').length > done"
    page.wait_for_function(more, arg=done, timeout=10_000)
