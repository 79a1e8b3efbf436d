"""What a model gives away: attacks on privacy that are run, and bounds that follow from them."""
