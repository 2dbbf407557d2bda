#!/usr/bin/env bash
# efficientnet-condconv_ID2074_for_TensorFlow: test/train_performance_1p.sh --data_path=DIR
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
exec bash "$here/../../python.sh" -m compat.launch "$here/output" performance 1 efficientnet-condconv_ID2074_for_TensorFlow \
    '{"model_name": "efficientnet-condconv-b0-8e", "train_steps": 100, "train_batch_size": 32,
     "learning_rate": 0.008}' "$@"
