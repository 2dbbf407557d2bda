#!/usr/bin/env bash
# MnasNet for PyTorch: test/train_full_8p.sh --data_path=DIR with train/ and val/
# NOTE: weights are saved below the working directory, as there, in output/.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
exec bash "$here/../../python.sh" -m compat.launch "$PWD/output" full 8 MnasNet_for_PyTorch \
    '{"model_name": "mnasnet1_0", "dataset": "folder", "log_style": "pytorch"}' "$@"
