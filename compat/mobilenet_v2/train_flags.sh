# What train_1p.sh and train_8p.sh share; edit --dataset_dir here, or give it behind run_{1,8}p.sh.
shared=(
    --dataset_dir=/opt/npu/slimImagenet
    --model_name=mobilenet_v2
    --moving_average_decay=0.9999
    --label_smoothing=0.1
    --preprocessing_name=inception_v2
    --weight_decay=0.00004
    --batch_size=256
    --learning_rate_decay_type=cosine_annealing
    --optimizer=momentum
    --momentum=0.9
    --warmup_epochs=5)
