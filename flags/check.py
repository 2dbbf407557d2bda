"""Checks across flags; what one flag accepts is in its row."""

from flags.errors import FlagError


def check(values, sources):
    """Raises FlagError for values that contradict each other."""
    for rule in RULES:
        text = rule(values, sources)
        if text:
            raise FlagError(text)


def _export_dir(values, sources):
    if values['mode'] == 'export' and not values['export_dir']:
        return '--mode=export needs --export_dir=FOLDER to write the model to.'


def _quantized(values, sources):
    if values['quantized_training'] and values['precision_mode'] in ('allow_mix_precision',
                                                                     'force_fp16'):
        return (f"--quantized_training needs float32, and precision_mode is "
                f"{values['precision_mode']} ({sources['precision_mode']}). "
                'Add --precision_mode=must_keep_origin_dtype.')


def _quantization_delay(values, sources):
    if values['quantization_delay_epochs'] and not values['quantized_training']:
        return '--quantization_delay_epochs does nothing without --quantized_training.'


def _piecewise(values, sources):
    boundaries, rates = values['lr_decay_boundaries'], values['lr_decay_values']
    if rates is None and boundaries is None:
        return None
    if len(rates or ()) != len(boundaries or ()) + 1:
        return (f'--lr_decay_values needs one number more than --lr_decay_boundaries; they have '
                f'{len(rates or ())} and {len(boundaries or ())}.')
    if list(boundaries or ()) != sorted(set(boundaries or ())):
        return '--lr_decay_boundaries must grow from left to right.'


def _mixing(values, sources):
    if values['mixup_alpha'] and values['cutmix_alpha']:
        return '--mixup_alpha and --cutmix_alpha exclude each other; set one of them to 0.'


def _overflow(values, sources):
    if values['device'] == 'npu' and values['npu_dump_data'] and values['npu_overflow_dump']:
        return ('--npu_dump_data and --npu_overflow_dump (over_dump) exclude each other on an '
                'Ascend; give one of them.')


def _tfds(values, sources):
    if values['dataset'] in ('tfrecord', 'folder') and not values['data_dir']:
        return f"--dataset={values['dataset']} needs --data_dir=FOLDER."


RULES = (_export_dir, _quantized, _quantization_delay, _piecewise, _mixing, _overflow, _tfds)
