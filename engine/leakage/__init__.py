"""What a trained model gives away of its training images: attacks that measure it, and what theory allows them.

An attack gives every example a score, larger for likelier members; whether it was right is counted by `curve`. Nothing
here knows of stores, jobs or pages.
"""
