"""Every network by its --model_name."""

from common.errors import FlagError
from common.names import nearest
from models import (
    efficientnet,
    efficientnet_condconv,
    mixnet,
    mnasnet,
    mnasnet_torch,
    mobilenet_v1,
    mobilenet_v2,
)

FAMILIES = (
    mixnet,
    mnasnet,
    efficientnet,
    efficientnet_condconv,
    mobilenet_v2,
    mobilenet_v1,
    mnasnet_torch,
)

NETWORKS = {network.name: network for family in FAMILIES for network in family.NETWORKS}


def get_network(name):
    """The Network of this name; FlagError with the nearest match and all names."""
    if name in NETWORKS:
        return NETWORKS[name]
    if name is None:
        raise FlagError('Name a network: --model_name=NAME, one of ' + ', '.join(NETWORKS) + '.')
    near = nearest(name, NETWORKS, cutoff=0.0)[0]
    raise FlagError(f'There is no network {name!r}. Did you mean {near!r}? '
                     f'The networks are: {", ".join(NETWORKS)}.')


def network_names():
    """Every accepted --model_name."""
    return tuple(NETWORKS)
