#!/usr/bin/env bash
# MobileNetV2_ID0074_for_TensorFlow: bash run_1p.sh, results in result/1p/ below the working
# directory. Flags given here go over those in train_1p.sh.
exec bash "$(dirname "${BASH_SOURCE[0]}")/train_1p.sh" "$@"
