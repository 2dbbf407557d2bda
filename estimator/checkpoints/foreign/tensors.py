"""What the readers of foreign files give: tensors that are read when they are needed."""

import collections

import numpy as np

EPSILON = 1e-3      # of batch norm, where a file has it folded; published.py says so too

WRAPPERS = 'module.', '_orig_mod.', 'model.', 'timm_model.'

Tensor = collections.namedtuple('Tensor', 'shape read name', defaults=[''])
Tensor.__doc__ = """shape: tuple of ints; read: function without arguments that gives the float32
array; name: what the file calls it, where the map has another word.

A file only claims its shapes: nothing is allocated before one has been compared with the network's.
"""

Opened = collections.namedtuple(
    'Opened', 'kind tensors values notes exact', defaults=[{}, (), True])
Opened.__doc__ = """An opened file.

kind: what it is, in words; tensors: {key: Tensor}; values: flags that the file itself decides;
notes: sentences for the report; exact: False when its runtime rounds what it computes to 8 bits.
"""


def folded_norm(layer, shift):
    """(key, Tensor) of a batch norm that adds `shift`, a Tensor, and does nothing else."""
    yield f'{layer}/beta', shift
    for leaf, value in ('gamma', 1.0), ('moving_mean', 0.0), ('moving_variance', 1 - EPSILON):
        yield f'{layer}/{leaf}', Tensor(
            shift.shape, lambda value=value: np.full(shift.shape, value, np.float32))


def without_prefix(tensors):
    """Without what data parallelism, compilation, averaging and wrappers put before every name.

    Counters beside the network, such as torch's n_averaged, go too.
    """
    inside = {name: value for name, value in tensors.items() if '.' in name or value.shape}
    for prefix in WRAPPERS:
        if inside and all(name.startswith(prefix) for name in inside):
            return without_prefix({name[len(prefix):]: value for name, value in inside.items()})
    return tensors


def in_order(reads, ends):
    """Names in the order in which they can be computed: each after those it reads, these in theirs.

    reads: {name: [names]}; ends: where to look from, others follow. ValueError: one is missing, or
    reads its own result.
    """
    done, order, begun = set(), [], set()
    for last in list(ends) + list(reads):
        waiting = [last]
        while waiting:
            name = waiting[-1]
            missing = [] if name in done else [one for one in reads[name] if one not in done]
            if missing:
                if begun & set(missing) or not set(missing) <= set(reads):
                    raise ValueError('a graph with a loop, or with a part missing')
                begun.add(name)
                waiting += reversed(missing)
                continue
            waiting.pop()
            begun.discard(name)
            if name not in done:
                done.add(name)
                order.append(name)
    return order
