#!/usr/bin/env bash
# MnasNet for PyTorch: test/train_full_1p.sh --data_path=DIR with train/ and val/
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
exec bash "$here/../../python.sh" -m compat.mnasnet.launch full 1 "$@"
