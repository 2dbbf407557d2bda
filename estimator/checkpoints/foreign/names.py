"""What a source calls the variables of a network.  Pure Python.

`rows` joins a dialect with the naming table of a network (models.naming.Names): our variable, its
key there, and how their array becomes ours. The map follows the table, so it knows every width,
depth and number of channel groups.
"""

import collections
import re

from estimator.checkpoints.foreign.dialects import DIALECTS, Parts

Mapping = collections.namedtuple('Mapping', ['variable', 'key', 'axes', 'through'])
Mapping.__doc__ = """variable = transpose(reshape(theirs, through), axes), in our variable's shape.

axes: None leaves the order; through: None leaves the shape.
"""

def dialect_of(keys):
    """The Dialect of a file's keys, or None."""
    found = [dialect for dialect in DIALECTS
             if any(re.search(dialect.mark, key) for key in keys)]
    return found[0] if found else None


def unwrapped(source):
    """An Opened of torch whose names stand below somebody's words ('net.backbone.'), without them.

    Of several such networks it is the averaged one. Fully connected layers beside it stay, as one
    of them may be its head; what else is there belongs to the training.
    """
    for dialect in DIALECTS:
        pattern = re.compile(r'(.+?\.)' + dialect.mark.lstrip('^'))
        words = {found.group(1) for found in map(pattern.match, source.tensors) if found}
        if dialect.join != '.' or not words:
            continue
        word = max(sorted(words), key=lambda word: 'ema' in word)
        inside = {key[len(word):]: tensor for key, tensor in source.tensors.items()
                  if key.startswith(word)}
        beside = {key: tensor for key, tensor in source.tensors.items()
                  if not key.startswith(tuple(words)) and _is_dense(key, source.tensors)}
        left = len(source.tensors) - len(inside) - len(beside)
        note = f'the network below {word!r}; {left} tensors elsewhere are left out'
        return source._replace(tensors=dict(beside, **inside), notes=tuple(source.notes) + (note,))
    return source


def _is_dense(key, tensors):
    kernel = re.sub(r'\.bias$', '.weight', key)
    return kernel.endswith('.weight') and kernel in tensors and len(tensors[kernel].shape) == 2


def canonical(dialect, keys):
    """{key of the maps: key of the file}; blocks are counted through in the order of the file."""
    places = {}
    for key in keys:
        for order, (pattern, _) in enumerate(dialect.stages):
            found = re.match(pattern, key)
            if found:
                stage, repeat = found.groups()
                places[found.group(0)] = order, _number(stage), _number(repeat)
    numbers = {prefix: index for index, prefix in enumerate(sorted(places, key=places.get))}
    renamed = {}
    for key in keys:
        fresh = key
        for pattern, place in dialect.stages:
            found = re.match(pattern, key)
            if found:
                fresh = place.format(numbers[found.group(0)]) + key[found.end():]
        renamed[fresh] = key
    return renamed


def _number(text):
    """Order of 'b' or '12' among its kind."""
    return int(text) if text.isdigit() else ord(text) if text else 0


_Layer = collections.namedtuple('_Layer', 'kind variable key norm norm_key bias place')


def rows(plan, dialect, keys=()):
    """The Mappings of a network in a dialect.

    Args:
        plan: (Arch, Names) of the network.
        dialect: Dialect.
        keys: {canonical key: tensor with a shape} of a file, for a head of any name.
    """
    arch, names = plan
    layers = list(_layers(names, dialect, keys))
    if dialect.stem is None:
        layers = list(_numbered(layers, dialect, keys))
    found = []
    for layer in layers:
        found += _kernel(layer, arch, names.leaves, dialect)
        if layer.bias:
            found.append(Mapping(f'{layer.variable}/{names.leaves.bias}',
                                 _key(dialect, layer.key, 'bias'), None, None))
        if layer.norm:
            found += [Mapping(f'{layer.norm}/{leaf}', _key(dialect, layer.norm_key, leaf), None,
                              None)
                      for leaf in ('gamma', 'beta', 'moving_mean', 'moving_variance')]
    return found


def _key(dialect, layer, leaf):
    return f'{layer}{dialect.join}{dialect.leaves[leaf]}'


def _layers(names, dialect, keys):
    """Every layer with weights, in the order the image meets them."""
    yield _Layer('conv', names.stem, *_pair(dialect.stem, names.stem_bn), False, None)
    for index, block in enumerate(names.blocks):
        yield from _block_layers(block, index, dialect)
    if names.head:
        pair = dialect.head and [part.format(after=len(names.blocks) + 1) for part in dialect.head]
        yield _Layer('conv', names.head, *_pair(pair, names.head_bn), False, None)
    known = (dialect.classifier or (None,)) + _heads(dialect, keys)
    key = next((word for word in known if _key(dialect, word, 'kernel') in keys), known[0])
    yield _Layer('dense', names.classifier, key, None, None, True, None)


def _heads(dialect, keys):
    """Fully connected layers outside of the blocks: heads that a user has named."""
    ending = f'{dialect.join}{dialect.leaves["kernel"]}'
    return tuple(key[:-len(ending)] for key in keys if key.endswith(ending)
                 and len(keys[key].shape) == 2 and not key.startswith('blocks.'))


def _pair(keys, norm):
    key, norm_key = keys or (None, None)
    return key, norm, norm_key


def _block_layers(block, index, dialect):
    parts = dialect.block if block.expand else dialect.first
    parts = parts and Parts(*[part and part.format(index, before=index - 1, next=index + 1)
                              for part in parts])
    of = lambda part: parts and getattr(parts, part)  # noqa: E731
    if block.routing:
        yield _Layer('dense', block.routing, of('routing'), None, None, True, None)
    if block.expand:
        yield from _grouped('conv', block.expand, of('expand'), block.expand_bn, of('expand_bn'),
                            (index, 'expand') if block.routing else None)
    yield from _grouped('depthwise', block.depthwise, of('depthwise'), block.depthwise_bn,
                        of('depthwise_bn'), (index, 'depthwise') if block.routing else None)
    for scope, part in zip(block.se, ('se_reduce', 'se_expand')):
        yield _Layer('conv', scope, of(part), None, None, True, None)
    yield from _grouped('conv', block.project, of('project'), block.project_bn, of('project_bn'),
                        (index, 'project') if block.routing else None)


def _grouped(kind, scopes, key, norm, norm_key, place):
    """The convolutions of the channel groups of a layer; its batch norm goes with the last."""
    for group, scope in enumerate(scopes):
        last = group == len(scopes) - 1
        yield _Layer(kind, scope, f'{key}.{group}' if key and len(scopes) > 1 else key,
                     norm if last else None, norm_key, False, place)


def _numbered(layers, dialect, keys):
    """The layers under keys that count them: conv2d, conv2d_1, ..., or layer, layer_1, ...

    A classifier may be a 1x1 convolution there: where a file has no dense layer, it counts as one.
    """
    counts = collections.Counter()

    def numbered(word):
        counts[word] += 1
        return word if counts[word] == 1 else f'{word}_{counts[word] - 1}'

    for layer in layers:
        word = dialect.words[layer.kind]
        if keys and _key(dialect, word, 'kernel') not in keys:
            word = dialect.words['conv']
        key = numbered(word)
        norm_key = dialect.words['norm']
        yield layer._replace(key=key, norm_key=numbered(norm_key) if norm_key and layer.norm
                             else key)


def _kernel(layer, arch, leaves, dialect):
    """The Mapping of a kernel; expert kernels are stored flat, each in its framework's order."""
    axes = dialect.axes[layer.kind]
    key = _key(dialect, layer.key, 'depthwise' if layer.kind == 'depthwise' else 'kernel')
    if not layer.place:
        leaf = leaves.depthwise if layer.kind == 'depthwise' else leaves.kernel
        return [Mapping(f'{layer.variable}/{leaf}', key, axes, None)]
    if not axes:        # of TensorFlow: flat in our order
        leaf = 'depthwise_condconv_kernel' if layer.kind == 'depthwise' else 'condconv_kernel'
        return [Mapping(f'{layer.variable}/{leaf}', key, None, None)]
    index, part = layer.place
    block = arch.blocks[index]
    if part == 'depthwise':
        side = block.kernels[0]
        return [Mapping(f'{layer.variable}/depthwise_condconv_kernel', key, (0, 2, 3, 1),
                    (block.experts, block.expanded, side, side))]
    ends = {'expand': (block.expanded, block.inputs), 'project': (block.outputs, block.expanded)}
    return [Mapping(f'{layer.variable}/condconv_kernel', key, (0, 2, 1),
                (block.experts,) + ends[part])]
