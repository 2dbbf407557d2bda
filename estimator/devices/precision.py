"""What `--precision_mode` means on each device: one decision, stated in the log.

| mode                     | CPU               | GPU                              | Ascend    |
|--------------------------|-------------------|----------------------------------|-----------|
| must_keep_origin_dtype   | float32           | float32                          | passed on |
| allow_fp32_to_fp16       | float32           | float32                          | passed on |
| allow_mix_precision      | float32, said     | graph rewrite, dynamic scale     | passed on |
| force_fp16               | float16 compute   | float16 compute, float32 masters | passed on |

On an Ascend device the mode goes to the compiler unchanged; loss scaling is then a fixed 4096
unless `--loss_scale` says otherwise (MobileNetV2_ID0074 does so).
"""

import collections

import tensorflow.compat.v1 as tf

from common.errors import ProgramError

Precision = collections.namedtuple(
    'Precision', ['mode', 'compute_dtype', 'graph_rewrite', 'loss_scale', 'text'])
Precision.__doc__ = """What is in force.

compute_dtype: tf.DType of activations; graph_rewrite: None, 'auto_mixed_precision' or
'auto_mixed_precision_onednn_bfloat16'; loss_scale: None, 'dynamic' or a number; text: one line.
"""


def float32():
    """Precision of what must compute as trained: prediction and export."""
    return Precision('must_keep_origin_dtype', tf.float32, None, None, 'float32')


def choose(params, device):
    """Precision of a run. device: 'cpu', 'gpu' or 'npu'."""
    mode = params.precision_mode
    scale = _loss_scale(params.loss_scale)
    if device == 'npu':
        return Precision(mode, tf.float32, None, scale or 4096.0,
                         f'{mode} (decided by the Ascend compiler), loss scale {scale or 4096.0}')
    if mode == 'force_fp16':
        scale = scale or 'dynamic'
        return Precision(mode, tf.float16, None, scale,
                         f'float16 compute, float32 weights, loss scale {scale}')
    if device == 'gpu' and mode == 'allow_mix_precision':
        scale = scale or 'dynamic'
        return Precision(mode, tf.float32, 'auto_mixed_precision', scale,
                         f'automatic mixed precision (graph rewrite), loss scale {scale}')
    if device == 'cpu' and params.cpu_bfloat16:
        _require_bfloat16()
        return Precision(mode, tf.float32, 'auto_mixed_precision_onednn_bfloat16', scale,
                         'bfloat16 on CPU where oneDNN supports it (graph rewrite)')
    note = ' (mixed precision is a no-op on a CPU)' if mode == 'allow_mix_precision' else ''
    scaled = f', loss scale {scale}' if scale else ''
    return Precision(mode, tf.float32, None, scale, f'float32{note}{scaled}')


def configure_session(config, precision):
    """Switches the graph rewrite on in a ConfigProto."""
    if precision.graph_rewrite:
        rewrites = config.graph_options.rewrite_options
        setattr(rewrites, precision.graph_rewrite, 1)  # RewriterConfig.ON


def _loss_scale(value):
    if value in (None, '', 'none'):
        return None
    if value == 'dynamic':
        return value
    return float(value)


def _require_bfloat16():
    if not hasattr(tf.ConfigProto().graph_options.rewrite_options,
                   'auto_mixed_precision_onednn_bfloat16'):
        raise ProgramError('--cpu_bfloat16 needs TensorFlow 2.15; this is TensorFlow '
                             f'{tf.version.VERSION}. Leave the flag out to compute in float32.')
