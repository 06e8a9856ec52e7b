"""An adversarial generator of one-shots on spectrograms: magnitudes, phases, noise, one ISTFT.

    min over D  E max(0, 1 - D(x, c)) + E max(0, 1 + D(G(z, c), c))
    min over G  - E D(G(z, c), c)

    decode   z (B, D, 1) -> affine map of class c -> code (B, D) -> frames (B, L, width)
             -> ISTFT head -> x (B, 1, T)
    encode   x (B, 1, T) -> encoder -> code (B, D) -> z (B, D, 1), refined by optimisation

G is implicit: there is no density. Its mapping network is affine, one map per class (see
`families.spectrogram`); its head gives magnitude and instantaneous frequency of every bin, and adds
shaped noise. Interpolating z morphs the sound. `encode` starts from an encoder that was trained
together with G, and continues by optimisation.


References:
    Goodfellow et al., "Generative adversarial nets", 2014.
    Lim and Ye, "Geometric GAN", 2017 (the hinges).
    Engel et al., "GANSynth: adversarial neural audio synthesis", 2019.
"""

from __future__ import annotations

from torch import Tensor

from dgm_audio.families.spectrogram import SpectrogramGenerator
from dgm_audio.inversion import invert, separately
from dgm_audio.specs import Condition


class SpectrogramGAN(SpectrogramGenerator):
    """Adversarial generator with an ISTFT head (see the module)."""

    family = "gan"

    def encode(self, x: Tensor, condition: Condition = None) -> Tensor:
        """Latent (B, D, 1) of audio (B, 1, T): an encoder's guess, refined by optimisation.

        Deterministic; some seconds per sound on one CPU core. Gradients are those of the guess.
        Sounds shorter than a clip are padded with silence at the end.

        Raises:
            InputError: if the audio or the condition is not allowed.
        """
        x = self._check_audio(x)
        values = self._check_condition(condition, len(x))
        return separately(self._inverted, x, values)[:, :, None]

    def _inverted(self, x: Tensor, condition: dict[str, Tensor]) -> Tensor:
        """The latent (1, D) of one sound (1, 1, T)."""
        mean, _ = self.posterior(x, condition)
        start = self.latent_of_code(mean, self.labels(condition, 1))

        def decode(z: Tensor) -> Tensor:
            return self._decode(z[:, :, None], condition, self.config.length)[:, 0]

        found = invert(decode, self.padded(x), start)
        return start + (found - start).detach()
