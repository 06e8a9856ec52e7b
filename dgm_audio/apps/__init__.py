"""What people do with a generator: render a recipe, draw a contact sheet.

Applications talk to `AudioGenerator` only; none of them names a family.
"""
