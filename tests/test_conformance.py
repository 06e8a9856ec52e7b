"""Every shipped model, and every family untrained, keeps the contract of `AudioGenerator`."""

from dataclasses import replace

import pytest

from dgm_audio.fingerprint import verify_fingerprint
from dgm_audio.registry import FAMILIES, get_family
from dgm_audio.shipped import list_models, load
from dgm_audio.testing import check_generator

SHORT = 16384
SHIPPED = [info.name for info in list_models()]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_model_conforms(name):
    assert check_generator(load(name, device="cpu"))  # raises at the first failure


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_model_decodes_what_it_decoded_when_it_was_saved(name):
    verify_fingerprint(load(name, device="cpu"))


@pytest.mark.fault(29)
@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_an_untrained_model_of_every_family_conforms(family):
    built = get_family(family)
    config = built.config_class()
    if getattr(config, "length", 0) > SHORT:  # the contract is the same, and searches are quicker
        config = replace(config, length=SHORT)
    assert check_generator(built(config))


def test_the_default_model_ships():
    assert "drums-vae" in SHIPPED
