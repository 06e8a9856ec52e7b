"""The web demo: a page on which the latent space of a model is played.

It talks to `AudioGenerator`, `dgm_audio.apps` and the registry only, so that a family from another
package appears without a change. What the page shows and how it behaves is made here; what is done
with a generator is done in `dgm_audio.apps`.

    app          `python demo/app.py`
    server       settings, launch
    page         the page: top bar, tabs, dock
    tabs/        one module per tab
    widgets      the parts of the page that Gradio does not have; their scripts are in static/
    studio       models in memory, one at work at a time; from recipe to sound
    shelf        sounds on disk, by the hash of their recipe
    routes       their addresses
    guard        what stands before the page: sizes and forms of requests
    abilities    which tab a model cannot serve, and why
    parts        rows of controls that several tabs have
    handling     errors in one line, progress, Stop
    background   long work beside the page, with its status lines
    uploads      from a visitor's recording to latents
    corners      of a pad, ends of a line: as the page names them, and the sounds between
    changing     sounds moved along directions, and mixed
    lessons      what a family does, in its own words; diagram draws it
"""
