#!/usr/bin/env bash
# MIXNET_ID2072_for_TensorFlow: test/train_full_1p.sh --data_path=DIR
# NOTE: there the folder below --data_path had to be called ILSVRC2012; here it is optional.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
exec bash "$here/../../python.sh" -m compat.launch "$here/output" full 1 MIXNET_ID2072_for_TensorFlow \
    '{"model_name": "mixnet-s"}' "$@"
