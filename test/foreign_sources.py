"""Networks of timm, torchvision and Keras with random weights and random batch-norm statistics.

Needs the environment of requirements-import.txt; used by the agreement tests and by
`python test/make_checked.py`.
"""

import numpy as np

SIDE = 64
# Scale of the last batch norm of a residual branch. At 1 a random network this deep doubles a
# difference every few blocks: in floats of 32 and of 64 bits timm's own efficientnet_b7 is then 0.5
# of a logit apart, and agreement to 1e-4 would say nothing about a map.
BRANCH = 0.2


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


def images(seed=0, side=SIDE, count=2):
    """Normalised float32 images [count, side, side, 3], each with a colour of its own."""
    random = np.random.RandomState(seed)
    noise, colour = random.normal(size=(count, side, side, 3)), random.normal(size=(count, 1, 1, 3))
    return (noise + colour).astype(np.float32)


def torch_network(row, seed=0):
    """(state dict, function images -> logits) of a published row of timm or torchvision."""
    torch, timm, torchvision = load_torch()
    with torch.no_grad():
        torch.manual_seed(seed)
        if row.dialect == 'timm':
            model = timm.create_model(row.name)
        else:
            model = torchvision.models.get_model(row.name, weights=None)
        _renormalise(torch, model)

    def logits(batch):
        with torch.no_grad():
            return model(torch.from_numpy(batch.transpose(0, 3, 1, 2).copy())).numpy()

    return model.eval().state_dict(), logits


def _renormalise(torch, model):
    """Random biases and scales; batch statistics of random images, and a little off them."""
    for name, value in model.state_dict().items():
        if value.ndim == 1 and name.endswith('bias'):
            value.normal_(0, 0.1)
        elif value.ndim == 1 and name.endswith('weight'):
            value.uniform_(0.8, 1.2)
    for part in model.modules():
        if any(getattr(part, word, False) for word in ('has_skip', 'use_res_connect',
                                                       'apply_residual')):
            [norm for norm in part.modules() if isinstance(norm, torch.nn.BatchNorm2d)][
                -1].weight *= BRANCH
    norms = [part for part in model.modules() if isinstance(part, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
    model.train()
    model(torch.from_numpy(images(seed=7, count=8).transpose(0, 3, 1, 2).copy()))
    for norm in norms:
        norm.running_mean += 0.1 * norm.running_var.sqrt() * torch.randn_like(norm.running_mean)
        norm.running_var *= torch.empty_like(norm.running_var).uniform_(0.8, 1.25)


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
        _renormalise_keras(tf, model, pixels(row, images(seed=7, count=8)))
        (model.save if path.endswith('.keras') else model.save_weights)(path)

    def logits(batch):
        with context.eager_mode():
            return model(batch, training=False).numpy()

    return logits


def pixels(row, batch):
    """Normalised images as this Keras network takes them: EfficientNets want 0..255."""
    return batch * 60 + 120 if row.name.startswith('EfficientNet') else batch


def _renormalise_keras(tf, model, batch):
    """As _renormalise; EfficientNet's Normalization gets random figures too."""
    random, norms = np.random.RandomState(0), []
    named = {layer.name for layer in model.layers}
    for layer in model.layers:
        if type(layer).__name__ == 'Normalization':
            layer.adapt_mean.assign(random.uniform(0.3, 0.6, [3]))
            layer.adapt_variance.assign(random.uniform(0.05, 0.1, [3]))
            layer.finalize_state()
        elif isinstance(layer, tf.keras.layers.BatchNormalization):
            layer.momentum = 0.0
            ends_branch = layer.name.lower().endswith('project_bn') and (
                layer.name[:-len('project_bn')] + 'add' in named)
            layer.gamma.assign((BRANCH if ends_branch else 1.0) * random.uniform(
                0.8, 1.2, layer.gamma.shape))
            layer.beta.assign(random.normal(0, 0.1, layer.beta.shape))
            norms.append(layer)
    model(batch.astype(np.float32), training=True)
    for norm in norms:
        mean, variance = norm.moving_mean.numpy(), norm.moving_variance.numpy()
        norm.moving_mean.assign(
            mean + 0.1 * np.sqrt(variance) * random.normal(size=mean.shape))
        norm.moving_variance.assign(variance * random.uniform(0.8, 1.25, variance.shape))
