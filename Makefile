# Every command sets up what it needs: `make demo` and `make test` are enough on a fresh machine.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: install demo test lint bench bench-review lock clean

install: .venv/installed

.venv/installed: requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Tutti needs Python 3.11 or newer; say which with: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

demo: install
	$(BIN)/tutti demo $(ARGS)

test: install
	@scripts/system-packages
	$(BIN)/python -m $(if $(ARGS),pytest $(ARGS),tests.parts)

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: install
	@scripts/system-packages
	$(BIN)/python -m bench

bench-review: install
	@scripts/system-packages
	$(BIN)/python -m bench review

lock:
	uv pip compile --universal --no-strip-extras --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url pyproject.toml -o requirements.lock
	uv pip compile --universal --no-strip-extras --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --extra dev pyproject.toml -o requirements-dev.lock

clean:
	rm -rf .venv build
