#!/usr/bin/env bash
# MnasNet for PyTorch: test/train_eval_8p.sh --data_path=DIR; evaluates on one device, as there.
# NOTE: there --resume ./checkpoint.pth.tar; here the best checkpoint of train_full_8p.sh.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
exec bash "$here/../../python.sh" -m compat.mnasnet.launch eval 1 "$@"
