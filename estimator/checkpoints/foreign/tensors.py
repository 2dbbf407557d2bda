"""What the readers of foreign files give: tensors that are read when they are needed."""

import collections

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
