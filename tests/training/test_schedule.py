import pytest

from dgm_audio.errors import ConfigError
from dgm_audio.objective import cosine_rate, ramp
from dgm_audio.training.schedule import Budget, ema_decay


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("20m", 1200), ("1.5h", 5400)])
def test_a_budget_is_a_duration(text, seconds):
    assert Budget.parse(text).seconds == seconds


@pytest.mark.parametrize("text", ["", "20", "m", "-5m", "20 min", "0s", "1e9h"])
def test_a_wrong_budget_is_refused_with_an_example(text):
    with pytest.raises(ConfigError, match="20m"):
        Budget.parse(text)


def test_steps_take_precedence_and_must_be_positive():
    assert Budget.parse("20m", 10).progress(5, 1e9) == 0.5
    with pytest.raises(ConfigError, match="steps is 0"):
        Budget.parse("20m", 0)


def test_the_rate_rises_once_and_falls_to_its_floor():
    rates = [cosine_rate(p / 100) for p in range(101)]
    top = rates.index(max(rates))
    assert rates[:top] == sorted(rates[:top])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert rates[-1] == pytest.approx(0.02)


def test_nothing_depends_on_absolute_steps():
    short, long = ema_decay(100, 0.5), ema_decay(10_000, 0.5)
    assert (1 - short) * 200 == pytest.approx((1 - long) * 20_000, rel=1e-6)
    assert (
        ramp(0.9, 0.2, 0.4) == 1
        and ramp(0.0, 0.2, 0.4) == 0
        and ramp(0.3, 0.2, 0.4) == pytest.approx(0.5)
    )


def test_what_is_set_aside_of_a_budget_of_time_shortens_it_by_half_at_most():
    ten = Budget.parse("10s")
    assert ten.progress(0, 5) == 0.5 and ten.progress(7, 20) == 1
    assert ten.progress(0, 4, reserve=2) == 0.5
    assert ten.progress(0, 4, reserve=1000) == 0.8
