"""The network's own numbers; a None keeps what the network's file says."""

from flags.spec import Row

ROWS = (
    Row('num_label_classes', 'int', None, 'Outputs: the classes of the data, or one more for a '
        'background class (default: from the data).', None, 2, 10000000),
    Row('dropout_rate', 'float', None, 'Part of the pooled features dropped in training.',
        None, 0, 0.99),
    Row('survival_prob', 'float', None, 'Probability that the last block survives drop-connect.',
        None, 0.01, 1),
    Row('depth_multiplier', 'float', None, 'Width: factor on all channel counts.', None, 0.01, 100),
    Row('depth_coefficient', 'float', None, 'Depth: factor on all block repeats.', None, 0.01, 100),
    Row('depth_divisor', 'int', None, 'Channel counts are rounded to a multiple of this.', None, 1),
    Row('min_depth', 'int', None, 'Smallest channel count after rounding.', None, 1),
    Row('batch_norm_momentum', 'float', None, 'Decay of the batch-norm statistics.', None, 0, 1),
    Row('batch_norm_epsilon', 'float', None, 'Added to the batch-norm variance.', None, 0),
    Row('batch_norm_statistics', 'str', None, 'Statistics batch norm uses in training: of the '
        'batch, or the moving ones, which then stay as they are.', ('batch', 'moving')),
    Row('padding', 'str', None, "Of convolutions: TensorFlow's same, or PyTorch's symmetric "
        "(k // 2 on every side).", ('same', 'symmetric')),
    Row('data_format', 'str', 'channels_last', 'Layout of activations.',
        ('channels_last', 'channels_first')),
    Row('use_keras', 'bool', None, 'MnasNet and MixNet: variable names of the Keras layers (True) '
        'or of tf.layers (False).'),
    Row('classifier', 'str', None, "MobileNetV2: slim's 1x1 convolution or the Ascend port's "
        'fully connected layer.', ('conv', 'fc')),
    Row('finegrain', 'bool', None, 'MobileNetV2: keep 1280 features below width 1.'),
    Row('fixed_ends', 'bool', None, "MobileNetV2: width of stem and head and depth of the first "
        "and last stage do not scale, as in timm's mobilenetv2_110d and 120d."),
    Row('first_residual', 'bool', None, "mnasnet-small: add the first block's input to its "
        "output, as timm does."),
)
