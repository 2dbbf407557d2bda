# make demo       train mixnet-s on the embedded digits and show the result (TensorFlow 1.15)
# make test       the tests
# make setup      only the environment .venv (make setup-tf2: .venv-tf2)
# make test-slow  the long checks; make test-tf2, make demo-tf2: the same under TensorFlow 2.15
# make lint       ruff, as configured in pyproject.toml
# PYTHON=/path/to/python3.7 (PYTHON_TF2=/path/to/python3.11) names the interpreter to use.

SHELL := /bin/bash
VENV ?= .venv
VENV_TF2 ?= .venv-tf2
DEMO = main.py --model_name=mixnet-s
PYTEST = -m pytest -q --durations=10 test

.PHONY: demo test setup test-slow demo-tf2 test-tf2 test-slow-tf2 setup-tf2 lint

demo: setup
	$(VENV)/bin/python $(DEMO)

test: setup
	$(VENV)/bin/python $(PYTEST) -m "not slow"

test-slow: setup
	$(VENV)/bin/python $(PYTEST) -m slow

demo-tf2: setup-tf2
	$(VENV_TF2)/bin/python $(DEMO) --model_dir=result/mixnet-s-tf2

test-tf2: setup-tf2
	$(VENV_TF2)/bin/python $(PYTEST) -m "not slow"

test-slow-tf2: setup-tf2
	$(VENV_TF2)/bin/python $(PYTEST) -m slow

lint: setup-tf2
	$(VENV_TF2)/bin/python -m ruff check .

setup: $(VENV)/.ready

setup-tf2: $(VENV_TF2)/.ready

# First interpreter of a wanted version among: the one named, PATH, pyenv, conda, uv.
define find_python
candidates=("$(1)"); \
for version in $(2); do \
  candidates+=("python$$version" "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/$$version*/bin/python \
    "$${CONDA_PREFIX:-/nonexistent}"/bin/python "$$HOME"/*conda*/bin/python \
    "$$HOME"/*conda*/envs/*/bin/python \
    "$$(command -v uv >/dev/null && uv python find $$version 2>/dev/null)"); \
done; \
found=; \
for candidate in "$${candidates[@]}"; do \
  [ -n "$$candidate" ] || continue; \
  got=$$("$$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue; \
  for version in $(2); do [ "$$got" = "$$version" ] && { found=$$candidate; break 2; }; done; \
done; \
if [ -z "$$found" ]; then \
  printf '%s\n' "TensorFlow $(4) needs CPython $(3), and none was found. Three ways to get one:" \
    "  pyenv install $(5)            (https://github.com/pyenv/pyenv)" \
    "  conda create -n tf python=$(6)" \
    "  uv python install $(6)" \
    "Then type the same command again, or name it: make $(7)=/path/to/python$(6) ..." >&2; \
  exit 2; \
fi
endef

define install
echo "environment $(1) with $$found"; \
"$$found" -m venv $(1) && $(1)/bin/python -m pip install -q --disable-pip-version-check wheel && \
$(1)/bin/python -m pip install -q --disable-pip-version-check -r $(2) && touch $(1)/.ready
endef

$(VENV)/.ready: requirements.txt
	@$(call find_python,$(PYTHON),3.7,3.7,1.15,3.7.17,3.7,PYTHON); $(call install,$(VENV),$<)

$(VENV_TF2)/.ready: requirements-tf2.txt
	@$(call find_python,$(PYTHON_TF2),3.11 3.10 3.9,3.9 to 3.11,2.15,3.11.9,3.11,PYTHON_TF2); \
	$(call install,$(VENV_TF2),$<)
