#!/usr/bin/env bash
# Trains on 1 device, with the flags in train_flags.sh and those here.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/train_flags.sh"
exec bash "$here/../python.sh" -m compat.mobilenet_v2.group 1 "${shared[@]}" \
    --max_train_steps=500 --iterations_per_loop=50 --learning_rate=0.4 "$@"
