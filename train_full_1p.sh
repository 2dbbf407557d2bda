#!/usr/bin/env bash
# Trains to the end of the recipe and evaluates on one device:
#   bash train_full_1p.sh --data_path=DIR [--model_name=mixnet-s --batch_size=64 ...]
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=${PYTHON:-python3}
[ -n "${PYTHON:-}" ] || [ ! -x "$root/.venv/bin/python" ] || python=$root/.venv/bin/python
PYTHONPATH=$root${PYTHONPATH:+:$PYTHONPATH} exec "$python" "$root/launchers/launch.py" full 1 "$@"
