"""The web demo: a Gradio page that plays the latent space of a model.

It depends on `AudioGenerator`, `dgm_audio.apps` and the registry only, so that a family from
another package appears without a change. The demo holds the page and its behaviour; operations on
a generator that other programs need, too, are in `dgm_audio.apps`.

    app               `python demo/app.py`
    server            settings and launch
    page              the page: top bar, tabs, dock
    page_context      what the tabs share
    tabs/             one module per tab
    controls          rows of controls that several tabs share
    widgets           components that Gradio lacks; their scripts are in static/
    event_handlers    errors as one line, progress, Stop
    background        long work on a thread, with status lines
    studio            loaded models behind one lock; renders recipes
    sound_cache       sounds on disk, by the hash of their recipe
    routes            HTTP addresses of the sounds
    request_filter    checks the size and form of requests before Gradio sees them
    capability_text   why a tab is unavailable for a model
    uploads           reads recordings and encodes them
    corners           the sounds of a morphing pad or line
    latent_edits      moves sounds along latent directions, and mixes them
    latent_map        two-dimensional map of a latent space (PCA)
    map_cache         maps in memory, and the sounds on them
    comparison_view   original and reconstruction side by side
    family_docs       what a family does, from its docstring
    diagram           a model's signal path, as SVG
    python_code       the Python script that makes a sound
"""
