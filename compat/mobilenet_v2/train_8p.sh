#!/usr/bin/env bash
# Trains on 8 devices, with the flags in train_flags.sh and those here.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/train_flags.sh"
exec bash "$here/../python.sh" -m compat.mobilenet_v2.group 8 "${shared[@]}" \
    --max_epoch=300 --learning_rate=0.8 "$@"
