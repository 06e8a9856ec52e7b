"""One table of families: the class of a family's models, and the tasks that train them.

Further rows come from plugins. A plugin is an installed package with entry points in one or both of
two groups, whose names are the family's: its class, and its task, so that `dgm-audio train` can
train it:

    [project.entry-points."dgm_audio.generators"]
    my-family = "my_package.model:MyGenerator"

    [project.entry-points."dgm_audio.tasks"]
    my-family = "my_package.training:MyTask"

`examples/plugin` is such a package. Nothing is imported before it is asked for.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, is_dataclass
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from dgm_audio._renamed import old_names
from dgm_audio.errors import ConfigError, DgmAudioError, UnknownModelError

if TYPE_CHECKING:
    from dgm_audio.generator import AudioGenerator
    from dgm_audio.objective import Task


class Family(NamedTuple):
    """A row of the table; classes are written "module:class"."""

    model: str
    task: str = ""
    """What trains it (see `dgm_audio.objective.Task`); empty if nothing does."""
    variants: Mapping[str, str] = MappingProxyType({})
    """Further tasks that train such models, by their names."""


_F = "dgm_audio.families"
FAMILIES = {
    "autoregressive": Family(
        f"{_F}.autoregressive.model:WaveNet", f"{_F}.autoregressive.training:AutoregressiveTask"
    ),
    "flow": Family(
        f"{_F}.flow.model:InversionFlow",
        f"{_F}.flow.training:VocoderTask",
        {"flow-vocoder": f"{_F}.flow.training:VocoderTask"},
    ),
    "flow-matching": Family(
        f"{_F}.flow_matching.model:FlowMatching", f"{_F}.flow_matching.training:FlowMatchingTask"
    ),
    "gan": Family(f"{_F}.gan.model:SpectrogramGAN", f"{_F}.gan.training:GANTask"),
    "vae": Family(f"{_F}.vae.model:SpectrogramVAE", f"{_F}.vae.training:VAETask"),
    "vae-stream": Family(
        f"{_F}.vae_stream.model:StreamVAE", f"{_F}.vae_stream.training:StreamTask"
    ),
}
"""The families of this package, by name."""

GENERATORS, TASKS = "dgm_audio.generators", "dgm_audio.tasks"
"""Groups of entry points of plugins."""

_warned: set[str] = set()


@dataclass(frozen=True)
class FamilyInfo:
    """A family: what its models can do, or in `error` why it cannot be used."""

    name: str
    package: str
    summary: str = ""
    encode: bool = False
    log_prob: bool = False
    elbo: bool = False
    live: bool = False
    error: str | None = None


def get_family(name: str) -> type[AudioGenerator]:
    """The class of a family.

    Raises:
        UnknownModelError: if no family has this name, or its package cannot be imported.
        ConfigError: if two packages claim the name, or the class is no family.
    """
    return _family_of(_only_claim(name, _claims(GENERATORS), "family"))


def get_task(name: str) -> type[Task]:
    """The class that trains a family, by the family's name or that of a variant.

    Raises:
        UnknownModelError: if nothing trains a family of this name, or its package cannot be
            imported.
        ConfigError: if two packages claim the name, or the class is no task.
    """
    return _task_of(_only_claim(name, _claims(TASKS), "family to train"))


def trainable() -> list[str]:
    """The names that `get_task` knows, those of this package first."""
    return list(dict.fromkeys(claim.name for claim in _claims(TASKS)))


def list_families() -> list[FamilyInfo]:
    """All families, by name. Imports them; one that fails is reported, the others are not harmed.

    A family that cannot be used has `error` set, and is warned about once.
    """
    infos, claims = [], _claims(GENERATORS)
    for claim in sorted(claims, key=lambda claim: claim.name):
        try:
            family = _family_of(_only_claim(claim.name, claims, "family"))
            infos.append(_describe(claim, family))
        except DgmAudioError as error:
            warn_once(str(error))
            infos.append(FamilyInfo(claim.name, _package(claim), error=str(error)))
    return infos


def plugin_version(family: type[AudioGenerator]) -> dict[str, str]:
    """{package: version} of the plugin that registers this family; empty for a built-in one."""
    value = f"{family.__module__}:{family.__qualname__}"
    found = [claim for claim in _claims(GENERATORS) if claim.value == value and claim.dist]
    return {claim.dist.name: claim.dist.version for claim in found if claim.dist}


def _claims(group: str) -> list[EntryPoint]:
    """Every name of a group; built-in ones look like entry points of no package."""
    if group == GENERATORS:
        built_in = {name: family.model for name, family in FAMILIES.items()}
    else:
        built_in = {name: family.task for name, family in FAMILIES.items() if family.task}
        for family in FAMILIES.values():
            built_in |= family.variants
    own = [EntryPoint(name, value, group) for name, value in sorted(built_in.items())]
    return [*own, *entry_points(group=group)]


def _only_claim(name: str, claims: list[EntryPoint], what: str) -> EntryPoint:
    """The one claim of that name."""
    own = [claim for claim in claims if claim.name == name]
    if not own:
        names = dict.fromkeys(claim.name for claim in claims)
        raise UnknownModelError(
            f"there is no {what} {name!r}; {known_names(name, names)}; "
            "a family from another package needs that package installed"
        )
    if len(own) > 1:
        packages = " and ".join(_package(claim) for claim in own)
        raise ConfigError(f"family {name!r} is claimed by {packages}; uninstall one of them")
    return own[0]


def _package(claim: EntryPoint) -> str:
    return f"{claim.dist.name} {claim.dist.version}" if claim.dist else "dgm_audio"


def _load(claim: EntryPoint) -> Any:
    try:
        return claim.load()
    except Exception as error:  # a plugin may fail in any way; the others must not suffer
        reason = (str(error).strip().splitlines() or [""])[0]
        raise UnknownModelError(
            f"family {claim.name!r} of {_package(claim)} cannot be imported: "
            f"{type(error).__name__}: {reason}"
        ) from error


def _family_of(claim: EntryPoint) -> type[AudioGenerator]:
    from dgm_audio.generator import AudioGenerator

    family = _load(claim)
    problem = None
    if not isinstance(family, type) or not issubclass(family, AudioGenerator):
        problem = "no subclass of AudioGenerator"
    elif getattr(family, "family", None) != claim.name:
        problem = f"called {getattr(family, 'family', None)!r}, not {claim.name!r}"
    elif not is_dataclass(getattr(family, "config_class", None)):
        problem = "without a dataclass as config_class"
    if problem:
        raise ConfigError(f"{claim.value} of {_package(claim)} is {problem}; it is no family")
    return family


def _task_of(claim: EntryPoint) -> type[Task]:
    from dgm_audio.objective import Task

    task = _load(claim)
    if not isinstance(task, type) or not issubclass(task, Task):
        raise ConfigError(f"{claim.value} of {_package(claim)} is no subclass of Task")
    return task


def _describe(claim: EntryPoint, family: type[AudioGenerator]) -> FamilyInfo:
    return FamilyInfo(
        claim.name,
        _package(claim),
        " ".join((family.__doc__ or "").strip().split("\n\n")[0].split()),
        encode=hasattr(family, "encode"),
        log_prob=hasattr(family, "log_prob"),
        elbo=hasattr(family, "elbo"),
        live=hasattr(family, "axes_of"),
    )


def known_names(name: str, names: Iterable[str]) -> str:
    """For an error message: the names that there are, the one closest to `name` first."""
    names = list(names)
    close = get_close_matches(name, names, n=1)
    guess = f"did you mean {close[0]!r}? " if close else ""
    return f"{guess}there are {', '.join(names) or 'none'}"


def warn_once(message: str) -> None:
    """Warn, unless this process has been warned of the same."""
    if message not in _warned:
        _warned.add(message)
        warnings.warn(message, stacklevel=3)


__getattr__ = old_names(__name__)
