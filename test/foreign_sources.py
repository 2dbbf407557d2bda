"""Networks of timm, torchvision and Keras with random weights and random batch-norm statistics.

Needs the environment of requirements-import.txt; used by the agreement tests and by
`python test/make_checked.py`.
"""

import numpy as np

SIDE = 64


def load_torch():
    """Imports (torch, timm, torchvision).

    A torchvision from PyPI beside a CPU build of torch misses its C++ operators (boxes and the
    like), which none of these networks uses; without this it would not import.
    """
    import torch
    register = torch.library.register_fake

    def lenient(name, *args, **kwargs):
        missing = isinstance(name, str) and name.startswith('torchvision::') and (
            not hasattr(torch.ops.torchvision, name.split('::')[1]))
        return (lambda function: function) if missing else register(name, *args, **kwargs)

    torch.library.register_fake = lenient
    try:
        import timm
        import torchvision
    finally:
        torch.library.register_fake = register
    return torch, timm, torchvision


def images(seed=0, side=SIDE):
    """Normalised float32 images [2, side, side, 3]."""
    return np.random.RandomState(seed).normal(size=(2, side, side, 3)).astype(np.float32)


def torch_network(row, seed=0):
    """(state dict, function images -> logits) of a published row of timm or torchvision."""
    torch, timm, torchvision = load_torch()
    with torch.no_grad():
        torch.manual_seed(seed)
        if row.dialect == 'timm':
            model = timm.create_model(row.name)
        else:
            model = torchvision.models.get_model(row.name, weights=None)
        _renormalise(model)

    def logits(batch):
        with torch.no_grad():
            return model(torch.from_numpy(batch.transpose(0, 3, 1, 2).copy())).numpy()

    return model.eval().state_dict(), logits


def _renormalise(model):
    for name, value in model.state_dict().items():
        if name.endswith('running_var'):
            value.uniform_(0.5, 1.5)
        elif name.endswith(('running_mean', 'bias')):
            value.normal_(0, 0.1)
        elif value.ndim == 1:
            value.uniform_(0.8, 1.2)


def keras_network(row, path, side=SIDE):
    """Writes a published row's Keras network to a path; function float32 pixels -> logits.

    path: .h5, .weights.h5 or .keras.
    """
    import tensorflow.compat.v1 as tf
    from tensorflow.python.eager import context
    words = row.name.split()
    applications = tf.keras.applications
    options = {'alpha': float(words[1])} if len(words) > 1 else {}
    if 'numbered' in row.dialect and not path.endswith(('.weights.h5', '.keras')):
        raise ValueError(f'{path} would have names')
    with context.eager_mode():
        model = getattr(applications, words[0])(
            weights=None, input_shape=(side, side, 3), classifier_activation=None, **options)
        random = np.random.RandomState(0)
        for v in model.weights:
            value = _drawn(v.name, v.shape.as_list(), random)
            if value is not None:
                v.assign(value)
        (model.save if path.endswith('.keras') else model.save_weights)(path)

    def logits(batch):
        with context.eager_mode():
            return model(batch, training=False).numpy()

    return logits


def _drawn(name, shape, random):
    if 'variance' in name:
        return random.uniform(0.5, 1.5, shape)
    if 'mean' in name or 'beta' in name or 'bias' in name:
        return random.normal(0, 0.1, shape)
    return random.uniform(0.8, 1.2, shape) if 'gamma' in name else None
