#!/usr/bin/env bash
# MobileNetV2_ID0074_for_TensorFlow: bash run_8p.sh, results in result/8p/ below the working
# directory. Flags given here go over those in train_8p.sh.
exec bash "$(dirname "${BASH_SOURCE[0]}")/train_8p.sh" "$@"
