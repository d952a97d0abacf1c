"""The benchmarks: every figure is a ratio taken in one run. `python3 run.py bench`; see README.md."""
