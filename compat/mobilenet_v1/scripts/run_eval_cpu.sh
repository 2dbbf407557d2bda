#!/usr/bin/env bash
# [cifar10|imagenet2012] [DATASET_PATH] [CHECKPOINT_PATH]
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
exec bash "$here/../../python.sh" -m compat.mobilenet_v1.shell run_eval_cpu "$@"
