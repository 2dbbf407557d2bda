#!/usr/bin/env bash
# Trains on 8 devices; edit --dataset_dir here, or give it behind run_8p.sh.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
exec bash "$here/../python.sh" -m compat.mobilenet_v2.group 8 \
    --dataset_dir=/opt/npu/slimImagenet \
    --max_epoch=300 \
    --model_name=mobilenet_v2 \
    --moving_average_decay=0.9999 \
    --label_smoothing=0.1 \
    --preprocessing_name=inception_v2 \
    --weight_decay=0.00004 \
    --batch_size=256 \
    --learning_rate_decay_type=cosine_annealing \
    --learning_rate=0.8 \
    --optimizer=momentum \
    --momentum=0.9 \
    --warmup_epochs=5 "$@"
