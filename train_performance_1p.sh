#!/usr/bin/env bash
# Measures training images/s on one device:
#   bash train_performance_1p.sh --data_path=DIR [--model_name=mixnet-s --batch_size=64 ...]
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=${PYTHON:-python3}
[ -n "${PYTHON:-}" ] || [ ! -x "$root/.venv/bin/python" ] || python=$root/.venv/bin/python
PYTHONPATH=$root${PYTHONPATH:+:$PYTHONPATH} exec "$python" "$root/launchers/launch.py" performance 1 "$@"
