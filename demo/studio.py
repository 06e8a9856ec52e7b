"""Loaded models behind one lock, and the rendering of recipes to sounds."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from dgm_audio._version import __version__
from dgm_audio.apps.file_names import file_name, label
from dgm_audio.apps.finishing import finish, may_end
from dgm_audio.apps.latents import MAX_INLINE, pack
from dgm_audio.apps.path import path_points
from dgm_audio.apps.provenance_parameters import samples
from dgm_audio.apps.render import check_provenance, latent_of, provenance_for, render
from dgm_audio.cli.options import DEFAULT_MODEL
from dgm_audio.errors import DgmAudioError, InputError, UnknownModelError
from dgm_audio.generator import AudioGenerator
from dgm_audio.model_folder import WEIGHTS
from dgm_audio.provenance import Provenance
from dgm_audio.shipped import list_models, load

from .sound_cache import Sound, SoundCache

MODELS_IN_MEMORY = 3
MAX_PATH_SECONDS = 64 * 6.0
"""Total seconds of the sounds of a path: the most that the pad requests."""


class Stopped(Exception):
    """The visitor pressed Stop."""


class Stop:
    """A cancellation flag; work calls `check` regularly.

    Attributes:
        pressed: set to True from another thread.
    """

    def __init__(self) -> None:
        self.pressed = False

    def check(self) -> None:
        """Raise if the work should end.

        Raises:
            Stopped: if Stop was pressed.
        """
        if self.pressed:
            raise Stopped

    def watch(self, blocks: Iterator[Tensor], length: int) -> Iterable[Tensor]:
        """The blocks of a sound (see `dgm_audio.apps.render.render`), until Stop is pressed."""
        for block in blocks:
            self.check()
            yield block


@dataclass(frozen=True)
class Loaded:
    """A model in memory, and the state of its weights file when it was read."""

    model: AudioGenerator
    file_state: tuple[int, ...]


class Studio:
    """The models and sounds that all visitors share.

    Args:
        cache: stores the sounds.
        given: names, folders or hf:org/name beside the models that ship.
        max_seconds: longest sound to make, and longest recording to accept.
        device: models are loaded to it.

    Raises:
        DgmAudioError: if a given model is missing or damaged.

    Attributes:
        names: of all models on the page, the given ones first.
    """

    def __init__(
        self,
        cache: SoundCache,
        given: Sequence[str] = (),
        *,
        max_seconds: float = 60.0,
        device: str = "cpu",
    ) -> None:
        self.cache, self.max_seconds, self.device = cache, max_seconds, device
        self._sources: dict[str, str] = {}
        for source in given:
            first = self._sources.setdefault(_model_name(source), source)
            if first != source:
                raise InputError(
                    f"{first} and {source} are both called {_model_name(source)!r}; the page "
                    "shows names only: rename one of the folders"
                )
        shipped = sorted(
            (info.name for info in list_models()), key=lambda name: name != DEFAULT_MODEL
        )
        self._sources |= {name: name for name in shipped if name not in self._sources}
        self.names = list(self._sources)
        self._loaded: OrderedDict[str, Loaded] = OrderedDict()
        self._work = threading.RLock()
        for name in map(_model_name, given):
            self._in_memory(name)  # a given model that is missing fails before the page opens

    def model(self, name: str) -> AudioGenerator:
        """A model by its name on the page; the most recently used stay in memory.

        Raises:
            UnknownModelError: if the page has no such model.
            DgmAudioError: if its folder is gone or damaged; the message hides the path.
        """
        if name not in self._sources:
            raise UnknownModelError(
                f"There is no model {name!r:.60} on this page; there are {', '.join(self.names)}."
            )
        try:
            return self._in_memory(name)
        except DgmAudioError as error:
            raise type(error)(str(error).replace(self._sources[name], name)) from error

    def _in_memory(self, name: str) -> AudioGenerator:
        """The model, loaded if it is not in memory or has changed on disk."""
        with self._work:
            found = self._loaded.get(name)
            if found is None or _file_state(found.model) not in ((), found.file_state):
                model = load(self._sources[name], self.device)
                model.requires_grad_(False)
                model.name = name  # a run's folder is called "model" as all others are
                found = Loaded(model, _file_state(model))
            self._loaded[name] = found
            self._loaded.move_to_end(name)
            while len(self._loaded) > MODELS_IN_MEMORY:
                self._loaded.popitem(last=False)
            return found.model

    def recipe(self, name: str, call: str, **parameters: Any) -> Provenance:
        """The recipe of a sound of a model (see `dgm_audio.apps.render.provenance_for`).

        A one-shot of the model's own length is trimmed where it has faded out.

        Raises:
            InputError: if the sound would be longer than the page allows.
        """
        model = self.model(name)
        whole = parameters.get("length") == model.audio.length
        trim = whole and may_end(model) and not parameters.get("recording")
        recipe = provenance_for(model, name, call, **finish(trim, "none"), **parameters)
        self._check_length(model, recipe)
        return recipe

    def make(self, recipe: Provenance, stop: Stop, title: str = "") -> Sound:
        """The sound of a recipe, from the cache or rendered now.

        Raises:
            Stopped: if Stop was pressed.
            DgmAudioError: if the recipe is not allowed, or is of other weights.
        """
        stop.check()
        found = self.cache.find(recipe)
        if found is not None:
            return found
        with self._work:
            stop.check()
            model = self.model(recipe.model)
            _check_weights(model, recipe)
            self._check_length(model, recipe)
            start = time.perf_counter()
            with self._without_paths():
                audio = render(model, recipe, self.cache.folder, stop.watch)
            took = time.perf_counter() - start
        title, rate = title or title_of(recipe), model.audio.sample_rate
        return self.cache.put(recipe, audio, rate, title, _file_of(recipe), took)

    def latent(self, model: AudioGenerator, recipe: Provenance) -> Tensor:
        """The latent (1, D, L) of a recipe (see `dgm_audio.apps.render.latent_of`).

        Raises:
            InputError: if it has none, or its latents are no longer in the cache.
        """
        with self._work, self._without_paths():
            return latent_of(model, recipe, self.cache.folder)

    @contextmanager
    def _without_paths(self) -> Iterator[None]:
        """Replace errors about a file in the cache by a message without its path."""
        try:
            yield
        except DgmAudioError as error:
            if str(self.cache.folder) not in str(error):
                raise
            raise InputError(
                "The latents of this sound are no longer kept here; encode it again."
            ) from error

    def pack_latent(self, z: Tensor, inline: int = MAX_INLINE) -> dict[str, Any]:
        """A latent (1, D, L) for a recipe; more than `inline` numbers go into the cache."""
        beside: dict[str, Tensor] = {}
        packed = pack(z, beside, inline)
        if beside:
            self.cache.put_latents(beside)
        return packed

    def lock(self) -> threading.RLock:
        """The lock to hold while using a model directly."""
        return self._work

    def _check_length(self, model: AudioGenerator, recipe: Provenance) -> None:
        each = samples(recipe.parameters) / model.audio.sample_rate
        points = path_points(recipe.parameters) if recipe.call == "path" else [(0.0, 0.0, 0.0)]
        seconds = each + points[-1][0]
        if seconds > self.max_seconds:
            raise InputError(
                f"The sound would be {seconds:.3g} s long; the limit is {self.max_seconds:g} s. "
                "Ask for less, or start the demo with --max-seconds."
            )
        if each * len(points) > MAX_PATH_SECONDS:
            raise InputError(
                f"The path joins {len(points)} sounds of {each:.3g} s; in sum they may have "
                f"{MAX_PATH_SECONDS:g} s. Ask for shorter ones, or for fewer."
            )


def _check_weights(model: AudioGenerator, recipe: Provenance) -> None:
    """Raise if this version or these weights would make another sound."""
    try:
        check_provenance(model, recipe)
    except InputError:
        raise InputError(
            f"This sound was made by version {recipe.version:.20} with weights "
            f"{recipe.weights[:12]} of {recipe.model:.60}; this page has version {__version__} "
            f"with weights {(model.weights_hash or '')[:12]}: it would be another sound."
        ) from None


def title_of(recipe: Provenance) -> str:
    """A few words for a sound."""
    parameters = recipe.parameters
    condition = parameters.get("condition")
    words = label(condition) if isinstance(condition, dict) else ""
    if recipe.call in ("sample", "speak"):
        return f"{words} seed {parameters.get('seed')}:{parameters.get('index')}".strip()
    return f"{words} {_CALLS.get(recipe.call, recipe.call)}".strip()


_CALLS = {"interpolate": "between two", "morph": "morph", "path": "path", "decode": "own latent"}


def _file_of(recipe: Provenance) -> str:
    """Name of a download, without suffix."""
    seed = recipe.parameters.get("seed")
    index = recipe.parameters.get("index")
    condition = recipe.parameters.get("condition")
    return file_name(
        recipe.model,
        recipe.call if seed is None else f"seed{seed}",
        index if isinstance(index, int) else "",
        label(condition) if isinstance(condition, dict) else "",
        suffix="",
    )


def _model_name(source: str) -> str:
    """The name of a model on the page, never a path.

    >>> _model_name("runs/mine/model"), _model_name("./mine"), _model_name("hf:org/drums")
    ('mine', 'mine', 'hf:org/drums')
    """
    if source.startswith("hf:"):
        return source
    path = Path(source).absolute()
    return path.parent.name if path.name == "model" else path.name


def _file_state(model: AudioGenerator) -> tuple[int, ...]:
    """Size, time and inode of the weights file; empty if it is gone."""
    if model.card_path is None:
        return ()
    try:
        state = (model.card_path.parent / WEIGHTS).stat()
    except OSError:
        return ()
    return state.st_size, state.st_mtime_ns, state.st_ino
