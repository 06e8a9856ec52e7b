"""Old public names, which work for one more version and warn: modules, and what is in them."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from types import ModuleType
from typing import Any

_SETS = (
    *("asterisk", "debian", "flac_copies", "g722", "gcin", "hold_music", "home_music"),
    *("home_speech", "hydrogen", "music", "named", "notes", "nsynth", "soundfont", "tuxpaint"),
    *("vocoder", "voices"),
)
MODULES = {
    **{f"data.{name}": f"data.sets.{name}" for name in _SETS},
    "apps.curve": "release.curve",
    "apps.ends": "apps.provenance_parameters",
    "apps.following": "apps.loudness_following",
    "apps.load": "apps.realtime_load",
    "apps.naming": "apps.file_names",
    "apps.music_picture": "release.music_picture",
    "apps.publish": "release.publish",
    "apps.recipe_script": "release.recipe_script",
    "apps.sheet": "release.sheet",
    "apps.verdict": "release.verdict",
    "apps.vocoding_picture": "release.vocoding_picture",
    "data.halves": "data.validation_test_split",
    "evaluation.floor": "evaluation.shaped_noise",
    "evaluation.judge": "evaluation.validation",
    "evaluation.kept": "evaluation.disk_cache",
    "evaluation.keys": "evaluation.report_keys",
    "evaluation.plain": "evaluation.report_sentences",
    "evaluation.scale": "evaluation.auc_scale",
    "evaluation.space": "evaluation.standardised_reference",
    "evaluation.summary": "evaluation.report_table",
    "evaluation.view": "evaluation.clip_features",
    "families.autoregressive.expectation": "families.autoregressive.lpc_prior",
    "families.autoregressive.wavenet": "families.autoregressive.model",
    "families.flow.flow": "families.flow.model",
    "families.gan.spectrogram": "families.gan.model",
    "families.vae.spectrogram": "families.vae.model",
    "families.vae.stream_config": "families.vae_stream.config",
    "families.vae.waveform": "families.vae_stream.model",
    "nn.told": "nn.conditional_augmentation",
    "nn.stream_coder": "families.vae_stream.network",
    "recipe": "provenance",
    "runtime.compiled": "runtime.kernels.compiled",
    "runtime.stream": "families.vae_stream.stream",
    "training.augment": "data.augment",
    "training.autoregressive": "families.autoregressive.training",
    "training.flow": "families.flow.training",
    "training.gan": "families.gan.training",
    "training.judgements": "training.evaluations",
    "training.losses": "nn.spectral_distance",
    "training.spectrogram": "families.spectrogram_training",
    "training.task": "objective",
    "training.vae": "families.vae.training",
    "training.vae_stream": "families.vae_stream.training",
}
"""Old module -> new one."""

NAMES = {
    "data.cache": {"default_cache_dir": "cache_folder:default_cache_dir"},
    "apps.render": {
        "check_recipe": "apps.render:check_provenance",
        "recipe_for": "apps.render:provenance_for",
    },
    "evaluation": {"likelihood_judge": "evaluation.validation:validation_bits"},
    "evaluation.clip_features": {"View": "evaluation.clip_features:ClipFeatures"},
    "evaluation.standardised_reference": {
        "Space": "evaluation.standardised_reference:StandardisedReference",
    },
    "evaluation.validation": {"likelihood_judge": "evaluation.validation:validation_bits"},
    "families.autoregressive.lpc_prior": {
        "Expectation": "families.autoregressive.lpc_prior:LPCPrior",
        "surprise": "families.autoregressive.lpc_prior:negative_log_likelihood",
    },
    "io": {"read_recipe": "io:read_provenance"},
    "nn.conditional_augmentation": {
        "ToldAugmentation": "nn.conditional_augmentation:ConditionalAugmentation",
    },
    "provenance": {"Recipe": "provenance:Provenance", "read_recipe": "io:read_provenance"},
    "objective": {"get_task": "registry:get_task"},
    "registry": {
        "ENTRY_POINT_GROUP": "registry:GENERATORS",
        "ModelInfo": "shipped:ModelInfo",
        "list_models": "shipped:list_models",
        "load": "shipped:load",
    },
    "release.publish": {
        "Judgement": "release.publish:ModelEvaluation",
        "judge": "release.publish:evaluate_model",
    },
    "training.schedule": {"cosine_rate": "objective:cosine_rate", "ramp": "objective:ramp"},
}
"""Module -> {old name in it: "module:name" that it has now}."""


def warn_renamed(old: str, new: str) -> None:
    """Say what an old name is now."""
    warnings.warn(
        f"{old} is now {new}; the old name goes with the next version",
        DeprecationWarning,
        stacklevel=3,
    )


def old_names(module: str) -> Callable[[str], Any]:
    """The `__getattr__` (PEP 562) of a module in which names were renamed."""
    names = NAMES[module.removeprefix("dgm_audio.")]

    def getattr_(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        place, new = names[name].split(":")
        warn_renamed(f"{module}.{name}", f"dgm_audio.{place}.{new}")
        return getattr(import_module(f"dgm_audio.{place}"), new)

    return getattr_


def old_method(new: str) -> Callable[..., Any]:
    """A method under its old name, of a class that has the new one."""

    def method(self: Any, *arguments: Any, **options: Any) -> Any:
        warn_renamed(f"{type(self).__name__}'s old method", f"{type(self).__name__}.{new}")
        return getattr(self, new)(*arguments, **options)

    return method


class OldModules(MetaPathFinder, Loader):
    """Finds a module that moved: the import gives the new one."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The specification of an old name; None for any other."""
        package, _, name = fullname.partition(".")
        if package != "dgm_audio" or name not in MODULES:
            return None
        warn_renamed(fullname, f"dgm_audio.{MODULES[name]}")
        return spec_from_loader(fullname, self)

    def exec_module(self, module: ModuleType) -> None:
        """Put the new module in the place of the empty one."""
        name = module.__name__.partition(".")[2]
        sys.modules[module.__name__] = import_module(f"dgm_audio.{MODULES[name]}")


def find_old_modules() -> None:
    """Let old names of modules be imported, after all others."""
    if not any(type(finder).__name__ == OldModules.__name__ for finder in sys.meta_path):
        sys.meta_path.append(OldModules())
