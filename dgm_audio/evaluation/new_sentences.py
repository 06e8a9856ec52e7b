"""Sentences that nobody has recorded for this package: is what was learned speech, or prompts?

Everyday English of 4 to 10 words. The CMU dictionary has all words but "Kalinda", "glimmerfish" and
"Torvik".
"""

from __future__ import annotations

NEW_SENTENCES = (
    "The children are playing in the garden.",
    "My brother lives near the river.",
    "We had soup and bread for dinner.",
    "It rained all night in the mountains.",
    "The old bridge was closed last winter.",
    "Yellow butterflies danced above the flowers.",
    "She bought three tickets for the concert.",
    "Please open the window before breakfast.",
    "The doctor will see you tomorrow morning.",
    "A gray cat slept beneath the kitchen table.",
    "They painted the fence blue.",
    "Nobody remembers who invented the umbrella.",
    "The train to London leaves at seven.",
    "Fresh strawberries are expensive in December.",
    "He forgot his jacket on the bus.",
    "Our teacher told us a funny story.",
    "The museum has a skeleton of a dinosaur.",
    "Wash your hands with soap and warm water.",
    "Kalinda plays the violin every evening.",
    "The baker sells cookies, cakes and pies.",
    "Two elephants walked slowly across the dusty road.",
    "The glimmerfish swam around the coral.",
    "I would like a cup of coffee.",
    "The astronaut looked down at the quiet ocean.",
    "Her grandmother grows tomatoes and potatoes.",
    "The football match ended without a goal.",
    "Captain Torvik sailed north through the ice.",
    "Thunder frightened the horses.",
    "This chocolate tastes better than the one from my aunt.",
    "The library opens at nine on Saturday.",
)
