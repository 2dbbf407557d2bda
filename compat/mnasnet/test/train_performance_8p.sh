#!/usr/bin/env bash
# MnasNet for PyTorch: test/train_performance_8p.sh --data_path=DIR with train/ and val/
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
exec bash "$here/../../python.sh" -m compat.mnasnet.launch performance 8 "$@"
