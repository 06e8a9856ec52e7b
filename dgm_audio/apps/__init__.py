"""What people do with a generator: render sounds, morph, draw maps, transfer recordings.

Applications talk to `AudioGenerator` only; none of them names a family.
"""
