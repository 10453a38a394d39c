# `make demo` and `make test` each work as the first command on a fresh machine with Python ≥ 3.11:
# they make .venv, and on Debian as root install the system libraries that Qt needs.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
QT_LIBRARIES := libegl1 libgl1 libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-image0 \
  libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 libxcb-shape0 libxcb-xinerama0 libdbus-1-3 \
  libfontconfig1 xvfb xauth

SCREEN := $(if $(DISPLAY)$(WAYLAND_DISPLAY),,$(if $(filter Linux,$(shell uname)),xvfb-run -a -s "-screen 0 1600x1000x24"))

# Closes a window by its frame, after which napari cannot register its commands anew.
OWN_WINDOW := tests/ui/test_bad_fits.py

.PHONY: demo test check lint types layers unit ui keras jax node coverage screenshots bench system clean

demo: system $(VENV)/.installed
	$(BIN)/napari-piximi demo --out demo

# What opens no window runs two at a time, each with its output in one piece; windows run alone.
test: system $(VENV)/.tools node
	@$(MAKE) --no-print-directory -j2 -O -k keras jax unit types lint layers
	@$(MAKE) --no-print-directory ui
	@$(BIN)/python .ci/total.py .reports

lint: $(VENV)/.tools
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.tools
	$(BIN)/mypy

layers: $(VENV)/.tools
	$(BIN)/lint-imports
	$(BIN)/npe2 validate src/napari_piximi/napari.yaml

# Tests that load Keras, and those that open windows, each run in a process of their own:
# TensorFlow and a window crash each other. Where there is no screen, windows open on a virtual one.
unit: $(VENV)/.tools
	$(BIN)/python -m pytest -m "not keras" --ignore tests/ui --junit-xml .reports/unit.xml

ui: $(VENV)/.tools
	$(SCREEN) $(BIN)/python -m pytest tests/ui --ignore $(OWN_WINDOW) --junit-xml .reports/ui.xml
	$(SCREEN) $(BIN)/python -m pytest $(OWN_WINDOW) --junit-xml .reports/window.xml

keras: $(VENV)/.tools
	$(BIN)/python -m pytest -m keras --junit-xml .reports/keras.xml

jax: $(VENV)/.tools
	KERAS_BACKEND=jax $(BIN)/python -m pytest tests/learn tests/segment/test_own_networks.py -m keras \
	  --junit-xml .reports/jax.xml

# TensorFlow.js, JSZip and zarr.js, to see that they read what we write. In CI, as root on
# Debian, Node.js is installed for them; elsewhere those tests are skipped without it.
node:
	@command -v npm >/dev/null || { [ -n "$$CI" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	  && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq nodejs npm; } || true
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory tests/tfjs/node_modules/.installed; \
	else echo "npm is absent: the tests against TensorFlow.js will be skipped"; fi

tests/tfjs/node_modules/.installed: tests/tfjs/package.json tests/tfjs/package-lock.json
	npm ci --prefix tests/tfjs --no-audit --no-fund --loglevel=error
	touch $@

coverage: $(VENV)/.tools
	$(BIN)/python -m pytest -q -m "not keras" --ignore tests/ui --cov --cov-report=
	$(SCREEN) $(BIN)/python -m pytest -q tests/ui --ignore $(OWN_WINDOW) --cov --cov-append --cov-report=
	$(SCREEN) $(BIN)/python -m pytest -q $(OWN_WINDOW) --cov --cov-append --cov-report=
	$(BIN)/python -m pytest -q -m keras --cov --cov-append --cov-report=term

# Photographs of the real window, step by step, in both themes.
screenshots: $(VENV)/.tools
	mkdir -p docs/screenshots
	NAPARI_PIXIMI_SHOTS=docs/screenshots $(SCREEN) $(BIN)/python -m pytest -q tests/ui/test_story.py tests/ui/test_classifier_story.py tests/ui/test_segmentation_story.py

# By hand, since it takes an hour: benchmarks/bench_large.py, the memory for 20,000 × 20,000 pixels.
bench: $(VENV)/.tools
	$(BIN)/python benchmarks/bench_model.py
	$(BIN)/python benchmarks/bench_bundle.py
	$(BIN)/python benchmarks/bench_start.py
	$(BIN)/python benchmarks/bench_gallery_model.py
	$(SCREEN) $(BIN)/python benchmarks/bench_gallery.py
	$(BIN)/python benchmarks/bench_history.py
	$(SCREEN) $(BIN)/python benchmarks/bench_evaluate.py
	$(SCREEN) $(BIN)/python benchmarks/bench_map.py
	$(SCREEN) $(BIN)/python benchmarks/bench_curves.py
	$(SCREEN) $(BIN)/python benchmarks/bench_window.py
	$(SCREEN) $(BIN)/python benchmarks/bench_stalls.py
	$(BIN)/python benchmarks/bench_learn.py
	$(BIN)/python benchmarks/bench_predict.py
	$(BIN)/python benchmarks/bench_forest.py
	$(BIN)/python benchmarks/bench_matching.py
	$(BIN)/python benchmarks/bench_threshold.py
	$(BIN)/python benchmarks/bench_stardist.py
	$(BIN)/python benchmarks/bench_unet.py
	$(BIN)/python benchmarks/bench_digits_quality.py
	$(BIN)/python benchmarks/bench_quality.py

# Qt's system libraries: installed as root on Debian, else the missing ones are named.
system:
	@missing=; for package in $(QT_LIBRARIES); do \
	  dpkg-query -W -f '$${Status}' $$package 2>/dev/null | grep -q "ok installed" || missing="$$missing $$package"; done; \
	if [ -z "$$missing" ]; then :; \
	elif ! command -v apt-get >/dev/null; then echo "not Debian: if a window does not open, install the like of:$$missing"; \
	elif [ "$$(id -u)" = 0 ]; then apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; \
	else echo "Qt needs system libraries that are missing; run: sudo apt-get install$$missing"; fi

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV) || { [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -y -qq python3-venv && $(PYTHON) -m venv $(VENV); }
	$(BIN)/python -m pip install -q --upgrade pip

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install -q -e .
	touch $@

$(VENV)/.tools: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install -q -e '.[dev]'
	touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) .reports demo tests/tfjs/node_modules
