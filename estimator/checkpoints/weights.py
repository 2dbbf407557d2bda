"""Which weights of a checkpoint are used: the plain ('raw') or the averaged ('ema') ones."""

from common.console import say
from common.errors import CheckpointError
from estimator.checkpoints import reading


def to_evaluate(wanted, prefix):
    """('ema', 'raw'), ('ema',) or ('raw',), headline first, by --eval_weights and checkpoint."""
    averaged = reading.has_averages(prefix)
    if wanted == 'ema' and not averaged:
        raise CheckpointError(f'{prefix} holds no averaged weights (it was trained with '
                              '--moving_average_decay=0). Use --eval_weights=raw.')
    if wanted == 'both':
        return ('ema', 'raw') if averaged else ('raw',)
    return (wanted,)


def to_export(averages_wanted, prefix):
    """'ema' or 'raw' by --export_moving_average and what the checkpoint holds."""
    averaged = reading.has_averages(prefix)
    if averages_wanted and not averaged:
        say('weights    the checkpoint holds no moving averages; its plain weights are exported')
    return 'ema' if averaged and averages_wanted else 'raw'
