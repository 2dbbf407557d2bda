#!/usr/bin/env bash
# MobileNetV2_ID0074_for_TensorFlow: test/train_full_1p.sh --data_path=DIR
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
exec bash "$here/../../python.sh" -m compat.launch "$here/output" full 1 \
    MobileNetV2_ID0074_for_TensorFlow '{"model_name": "mobilenet_v2", "log_style": "ascend_mobilenet", "learning_rate": 0.1}' "$@"
