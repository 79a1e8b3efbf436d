.PHONY: app test check bench starter screenshots

app:    ; @python3 start.py
test:   ; @python3 start.py --install requirements-dev.txt && .venv/bin/ruff check && .venv/bin/ruff format --check && .venv/bin/mypy && .venv/bin/pytest
check:  ; @python3 start.py --install requirements-dev.txt && .venv/bin/ruff check && .venv/bin/ruff format --check && .venv/bin/mypy && .venv/bin/pytest -m "not slow and not browser"
bench:  ; @python3 start.py --install requirements-dev.txt && .venv/bin/python -m benchmarks
starter: ; @python3 start.py --install requirements.txt && home=$$(mktemp -d) && FRONTIER_HOME=$$home .venv/bin/python -m engine starter; code=$$?; rm -rf "$$home"; exit $$code
screenshots: ; @python3 start.py --install requirements-dev.txt && .venv/bin/python -m tests.browser.screens docs/screens
