"""What `--precision_mode` means on each device: one decision, stated in the log.

| mode                     | CPU               | GPU                              | Ascend    |
|--------------------------|-------------------|----------------------------------|-----------|
| must_keep_origin_dtype   | float32           | float32                          | passed on |
| allow_fp32_to_fp16       | float32           | float32                          | passed on |
| allow_mix_precision      | float32, said     | graph rewrite, dynamic scale     | passed on |
| force_fp16               | float16 compute   | float16 compute, float32 masters | passed on |

Without the flag it is DEFAULT. On an Ascend device the mode goes to the compiler unchanged, and the
loss is scaled where `--loss_scale` or the recipe says so (MobileNetV2_ID0074: 4096; MixNet_ID2072
and CondConv_ID2074 do not scale it). `--loss_scale=off` takes a recipe's scale away.
"""

import collections

import tensorflow.compat.v1 as tf

from common.errors import ProgramError

DEFAULT = {'cpu': 'must_keep_origin_dtype', 'gpu': 'must_keep_origin_dtype',
           'npu': 'allow_mix_precision'}   # all Ascend originals train with mixed precision

Precision = collections.namedtuple(
    'Precision', ['mode', 'compute_dtype', 'graph_rewrite', 'loss_scale', 'text'])
Precision.__doc__ = """What is in force.

compute_dtype: 'float32' or 'float16', of activations; graph_rewrite: None,
'auto_mixed_precision' or 'auto_mixed_precision_onednn_bfloat16'; loss_scale: None, 'dynamic' or a
number; text: one line.
"""


def float32():
    """Precision of what must compute as trained: prediction and export."""
    return Precision('must_keep_origin_dtype', 'float32', None, None, 'float32')


def choose(params, device):
    """Precision of a run. device: 'cpu', 'gpu' or 'npu'."""
    mode = params.precision_mode or DEFAULT[device]
    scale = _loss_scale(params.loss_scale)
    if device == 'npu':
        if mode == 'force_fp16' and params.loss_scale is None:
            scale = 'dynamic'
        return Precision(mode, 'float32', None, scale,
                         f'{mode} (decided by the Ascend compiler), loss scale {scale or "none"}')
    if mode == 'force_fp16':
        scale = scale or (None if params.loss_scale == 'off' else 'dynamic')
        return Precision(mode, 'float16', None, scale,
                         f'float16 compute, float32 weights, loss scale {scale}')
    if device == 'gpu' and mode == 'allow_mix_precision':
        scale = scale or (None if params.loss_scale == 'off' else 'dynamic')
        return Precision(mode, 'float32', 'auto_mixed_precision', scale,
                         f'automatic mixed precision (graph rewrite), loss scale {scale}')
    if device == 'cpu' and params.cpu_bfloat16:
        _require_bfloat16()
        return Precision(mode, 'float32', 'auto_mixed_precision_onednn_bfloat16', scale,
                         'bfloat16 on CPU where oneDNN supports it (graph rewrite)')
    note = {'allow_mix_precision': ' (mixed precision is a no-op on a CPU)',
            'allow_fp32_to_fp16': ' (every operator has a float32 kernel here)'}.get(mode, '')
    scaled = f', loss scale {scale}' if scale else ''
    return Precision(mode, 'float32', None, scale, f'float32{note}{scaled}')


def leaves_out(run):
    """Whether updates whose gradients overflow are left out: then they are no error."""
    scale = run.precision.loss_scale
    return scale == 'dynamic' or bool(scale and run.device.kind == 'npu')


def configure_session(config, precision):
    """Switches the graph rewrite on in a ConfigProto."""
    if precision.graph_rewrite:
        rewrites = config.graph_options.rewrite_options
        setattr(rewrites, precision.graph_rewrite, 1)  # RewriterConfig.ON


def _loss_scale(value):
    if value in (None, 'off'):
        return None
    if value == 'dynamic':
        return value
    return float(value)


def _require_bfloat16():
    if not hasattr(tf.ConfigProto().graph_options.rewrite_options,
                   'auto_mixed_precision_onednn_bfloat16'):
        raise ProgramError('--cpu_bfloat16 needs TensorFlow 2.15; this is TensorFlow '
                             f'{tf.version.VERSION}. Leave the flag out to compute in float32.')
