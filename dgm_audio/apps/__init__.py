"""What people do with a generator: render its recipes, morph, draw a map of its latents,
find directions in them, transfer a recording, draw contact sheets.

Applications talk to `AudioGenerator` only; none of them names a family.
"""
