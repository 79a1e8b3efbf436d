"""Side by side in one run with what each part replaces; JSON out. `python -m benchmarks [NAME ...]`."""
