"""What the suffixes of file names say about sound; what a file is, its bytes tell."""

from __future__ import annotations

AUDIO_SUFFIXES = (
    ".wav",
    ".wave",
    ".bwf",
    ".rf64",
    ".flac",
    ".ogg",
    ".oga",
    ".opus",
    ".mp3",
    ".aiff",
    ".aif",
    ".aifc",
)
"""Of the files that are read."""

CONVERTIBLE = {
    ".m4a": "MPEG-4 audio",
    ".m4b": "MPEG-4 audio",
    ".mp4": "MPEG-4",
    ".mov": "QuickTime",
    ".3gp": "3GPP",
    ".3g2": "3GPP2",
    ".aac": "AAC",
    ".webm": "WebM",
    ".mka": "Matroska audio",
    ".mkv": "Matroska",
    ".amr": "AMR",
    ".awb": "AMR wideband",
    ".wv": "WavPack",
    ".ape": "Monkey's Audio",
    ".wma": "Windows Media Audio",
    ".mp2": "MPEG layer II",
    ".spx": "Speex",
}
"""Of the files that are read where PyAV is installed, and what they are."""

FOREIGN = {
    ".aa": "Audible",
    ".aax": "Audible",
    ".ac3": "AC-3",
    ".adpcm": "ADPCM",
    ".au": "Sun AU",
    ".caf": "Core Audio",
    ".dff": "DSD",
    ".dsf": "DSD",
    ".dts": "DTS",
    ".gsm": "GSM",
    ".mid": "MIDI, notes without a sound",
    ".midi": "MIDI, notes without a sound",
    ".mpc": "Musepack",
    ".ra": "RealAudio",
    ".rm": "RealAudio",
    ".sd2": "Sound Designer II",
    ".snd": "Sun AU",
    ".tak": "TAK",
    ".tta": "True Audio",
    ".voc": "Creative Voice",
    ".w64": "Sony Wave64",
}
"""Of sounds that are not read, and what they are."""
