"""The names `from npu_bridge.npu_init import *` gives, as far as a program here may use them."""

import os

from npu_bridge import records
from npu_bridge.config import Abort, DumpConfig, NPURunConfig, ProfilingConfig
from npu_bridge.estimator import (
                                  NPUBroadcastGlobalVariablesHook,
                                  NPUCheckpointSaverHook,
                                  NPUEstimator,
                                  NPUEstimatorSpec,
                                  SetIterationsVarHook,
                                  rank_size,
)
from npu_bridge.optimizers import (
                                  ExponentialUpdateLossScaleManager,
                                  FixedLossScaleManager,
                                  NPUDistributedOptimizer,
                                  NPULossScaleOptimizer,
)
from npu_bridge.signatures import signature, version

__all__ = ['Abort', 'DumpConfig', 'ExponentialUpdateLossScaleManager', 'FixedLossScaleManager',
           'NPUBroadcastGlobalVariablesHook', 'NPUCheckpointSaverHook', 'NPUDistributedOptimizer',
           'NPUEstimator', 'NPUEstimatorSpec', 'NPULossScaleOptimizer', 'NPURunConfig',
           'ProfilingConfig', 'SetIterationsVarHook', 'get_rank_id', 'get_rank_size', 'signature']

get_rank_id, get_rank_size = records.rank, rank_size

# What is read when the adapter's library is loaded, not later.
records.write('import', version=version(), **{name: os.environ.get(name) for name in (
    'PRINT_MODEL', 'DUMP_GE_GRAPH', 'DUMP_GRAPH_PATH')})
