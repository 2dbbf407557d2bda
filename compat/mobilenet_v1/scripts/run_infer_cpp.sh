#!/usr/bin/env bash
# [MODEL: the folder of export.py] [DATASET_PATH] [Ascend|GPU|CPU] [DEVICE_ID](optional); acc.log here
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
exec bash "$here/../../python.sh" -m compat.mobilenet_v1.shell run_infer_cpp "$@"
