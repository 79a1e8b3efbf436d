.PHONY: app test check bench

app:    ; @python3 start.py
test:   ; @python3 start.py --install requirements-dev.txt && .venv/bin/ruff check && .venv/bin/ruff format --check && .venv/bin/mypy && .venv/bin/pytest
check:  ; @python3 start.py --install requirements-dev.txt && .venv/bin/ruff check && .venv/bin/ruff format --check && .venv/bin/mypy && .venv/bin/pytest -m "not slow and not browser"
bench:  ; @python3 start.py --install requirements-dev.txt && .venv/bin/python -m benchmarks
