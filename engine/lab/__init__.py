"""The image lab: one picture, one or two models, an attack; a process of its own keeps models warm and answers."""
