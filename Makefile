# make demo       train mixnet-s on the embedded digits and show the result
# make test       the tests
# make test-slow  the slow checks
# make lint       ruff, as configured in pyproject.toml
# make setup      only the environment .venv
# make check-weights   compares the maps of imported weights with timm, torchvision and Keras, in
#                 .venv-import; WEIGHTS="mixnet_s EfficientNetB0" for some of them only,
#                 WEIGHTS=missing for those that were never compared
# These take TensorFlow 1.15 where a CPython 3.7 is found (PATH, pyenv, conda, uv), and otherwise
# TensorFlow 2.15 on a Python 3.9 to 3.11. demo-tf2, test-tf2, test-slow-tf2 and setup-tf2 always
# take 2.15, in .venv-tf2.
# PYTHON=/path/to/python3.7 (PYTHON_TF2=/path/to/python3.11) names the interpreter to use.

SHELL := /bin/bash
VENV ?= .venv
VENV_TF2 ?= .venv-tf2
DEMO = main.py --model_name=mixnet-s
PYTEST = -m pytest -q --durations=10 -n 2 --dist loadfile test

.PHONY: demo test setup test-slow demo-tf2 test-tf2 test-slow-tf2 setup-tf2 lint check-weights

demo: setup
	$(VENV)/bin/python $(DEMO)

test: setup
	$(VENV)/bin/python $(PYTEST) -m "not slow"

test-slow: setup
	$(VENV)/bin/python $(PYTEST) -m slow

lint: setup
	$(VENV)/bin/python -m ruff check .

demo-tf2: setup-tf2
	$(VENV_TF2)/bin/python $(DEMO) --model_dir=result/mixnet-s-tf2

test-tf2: setup-tf2
	$(VENV_TF2)/bin/python $(PYTEST) -m "not slow"

test-slow-tf2: setup-tf2
	$(VENV_TF2)/bin/python $(PYTEST) -m slow

check-weights: .venv-import/.ready
	.venv-import/bin/python test/make_checked.py $(WEIGHTS)

setup: $(VENV)/.ready

setup-tf2: $(VENV_TF2)/.ready

# $(1): interpreter named by the user; $(2): wanted versions, best first. Sets `found`.
define find_python
found=; \
for version in $(2); do \
  for candidate in "$(1)" python$$version python3 python \
      "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/$$version*/bin/python \
      "$${CONDA_PREFIX:-/nonexistent}"/bin/python "$$HOME"/*conda*/bin/python \
      "$$HOME"/*conda*/envs/*/bin/python "$$(uv python find $$version 2>/dev/null)"; do \
    [ -z "$$found" ] && [ -n "$$candidate" ] || continue; \
    got=$$("$$candidate" -c 'import sys, venv, ensurepip; print("%d.%d" % sys.version_info[:2])' \
      2>/dev/null) || continue; \
    [ "$$got" = "$$version" ] && found=$$candidate; \
  done; \
done
endef

# $(1): folder; $(2): requirements; $(3): what is installed. pip's lines shrink to a name each.
define install
echo "$(3), with $$found, into $(1): about 600 MB, a few minutes"; \
set -o pipefail; \
"$$found" -m venv $(1) && \
PIP_DISABLE_PIP_VERSION_CHECK=1 $(1)/bin/python -m pip install wheel -r $(2) \
  | sed -un 's/^Collecting \([^ ]*\).*/  \1/p; s/^Installing collected.*/  unpacking/p' && \
touch $(1)/.ready && echo "  done"
endef

$(VENV)/.ready: requirements.txt requirements-tf2.txt
	@$(call find_python,$(PYTHON),3.7); \
	[ -n "$$found" ] || ! command -v uv >/dev/null || { uv python install 3.7 && \
	  found=$$(uv python find 3.7); }; \
	if [ -n "$$found" ]; then $(call install,$(VENV),requirements.txt,TensorFlow 1.15); exit $$?; fi; \
	$(call find_python,$(PYTHON_TF2),3.11 3.10 3.9); \
	if [ -n "$$found" ]; then \
	  echo "no CPython 3.7 here, so TensorFlow 2.15 is taken instead of 1.15; to get 1.15 later:" \
	    "pyenv install 3.7.17 (or conda create -n tf python=3.7), then rm -r $(VENV)"; \
	  $(call install,$(VENV),requirements-tf2.txt,TensorFlow 2.15); exit $$?; fi; \
	printf '%s\n' "No CPython 3.7 (TensorFlow 1.15) or 3.9 to 3.11 (TensorFlow 2.15) was found." \
	  "Three ways to get one:" \
	  "  pyenv install 3.7.17            (https://github.com/pyenv/pyenv)" \
	  "  conda create -n tf python=3.7" \
	  "  uv python install 3.7" \
	  "Then type the same command again, or name it: make PYTHON=/path/to/python3.7 ..." >&2; \
	exit 2

$(VENV_TF2)/.ready: requirements-tf2.txt
	@$(call find_python,$(PYTHON_TF2),3.11 3.10 3.9); \
	if [ -n "$$found" ]; then $(call install,$(VENV_TF2),$<,TensorFlow 2.15); exit $$?; fi; \
	printf '%s\n' "TensorFlow 2.15 needs a Python 3.9 to 3.11, and none was found. Three ways to get one:" \
	  "  pyenv install 3.11.9            (https://github.com/pyenv/pyenv)" \
	  "  conda create -n tf python=3.11" \
	  "  uv python install 3.11" \
	  "Then type the same command again, or name it: make PYTHON_TF2=/path/to/python3.11 ..." >&2; \
	exit 2

.venv-import/.ready: requirements-import.txt requirements-tf2.txt
	@$(call find_python,$(PYTHON_TF2),3.11 3.10); \
	if [ -n "$$found" ]; then $(call install,.venv-import,$<,TensorFlow 2.15 and torch); exit $$?; fi; \
	echo "check-weights needs a Python 3.10 or 3.11: make PYTHON_TF2=/path/to/python3.11 ..." >&2; \
	exit 2
