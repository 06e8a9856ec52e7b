"""Parts of `dgm_audio.io`: names, containers, and the writing of files."""
