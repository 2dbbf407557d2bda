"""Compares every published network with its source and writes what agreed.

    python test/make_checked.py [word ...]      # only names with one of the words
    python test/make_checked.py missing         # only those the file does not have yet

Needs requirements-import.txt. Random weights and batch-norm statistics, 64 x 64 images; the file
it writes, estimator/checkpoints/foreign/checked.json, holds the checksum of each map and the
largest difference of a logit, as a share of the largest logit.
"""

import json
import os
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [ROOT, os.path.join(ROOT, 'test')]
os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')


def error_of(row, folder):
    """(largest difference of the logits over the largest logit, what it was compared with)."""
    import foreign_sources
    import numpy as np

    import models
    from estimator.checkpoints.foreign import check, convert
    network = models.get_network(row.network)
    batch = foreign_sources.images()
    if row.dialect.startswith('Keras'):
        import tensorflow.compat.v1 as tf
        numbered = 'numbered' in row.dialect
        path = os.path.join(folder, 'w.weights.h5' if numbered else 'w.h5')
        source, by = foreign_sources.keras_network(row, path), (
            f'Keras of TensorFlow {tf.version.VERSION}')
        batch = foreign_sources.pixels(row, batch).astype(np.float32)
    else:
        from safetensors.torch import save_file
        torch, timm, torchvision = foreign_sources.load_torch()
        path = os.path.join(folder, 'w.safetensors')
        state, source = foreign_sources.torch_network(row)
        save_file({name: value.contiguous() for name, value in state.items()}, path)
        by = f'timm {timm.__version__}' if row.dialect == 'timm' else (
            f'torchvision {torchvision.__version__.split("+")[0]}')
    found = convert.examine(network, path, wanted=row.name)
    prefix, _ = convert.write(network, found, found.arguments, folder)
    theirs, values = source(batch), found.values
    if 'pixel_mean' in found.source.values:
        batch = ((batch - np.array(values['pixel_mean'])) / np.array(values['pixel_std'])).astype(
            np.float32)
    ours = check.logits(network, prefix, found.arguments, batch)
    largest = np.abs(theirs).max()
    assert np.abs(theirs[0] - theirs[1]).max() > 0.05 * largest, 'the source ignores its images'
    return float(np.abs(ours - theirs).max() / largest), by


def main(words):
    """Adds the rows with one of the words to checked.json, or writes all."""
    import tensorflow.compat.v1 as tf
    tf.disable_v2_behavior()
    tf.enable_resource_variables()
    from common.files import write_json
    from estimator.checkpoints.foreign import check, names, published
    kept = {}
    if words:
        with open(check.CHECKED) as stream:
            kept = json.load(stream)
    dialects = {dialect.name: dialect for dialect in names.DIALECTS}
    import models
    rows = sorted(published.PUBLISHED, key=lambda row: len(
        models.get_network(row.network).variables()))       # the quick ones first
    apart = []
    for row in rows:
        label = check.label(row)
        if words == ['missing'] and label in kept or words not in ([], ['missing']) and not any(
                word in label for word in words):
            continue
        with tempfile.TemporaryDirectory() as folder:
            error, by = error_of(row, folder)
        print(f'{label:70} {error:.1e}  {by}', flush=True)
        if error > 1e-4:
            apart.append(label)
            continue
        network = models.get_network(row.network)
        kept[label] = {'map': check.fingerprint(network, dialects[row.dialect], row),
                       'error': float(f'{error:.1e}'), 'with': by}
        with open(check.CHECKED) as stream:
            kept = dict(json.load(stream) if words else {}, **kept)
        write_json(check.CHECKED, {name: kept[name] for name in sorted(kept)})
    if apart:
        raise SystemExit(f'these differ by more than 1e-4: {", ".join(apart)}')


if __name__ == '__main__':
    main(sys.argv[1:])
