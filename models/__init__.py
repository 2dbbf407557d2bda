"""The networks: `get_network(name)` and `network_names()`."""


def get_network(name):
    """The Network of this name; ValueError with the nearest match and all names."""
    from models import registry  # imported late: arch and naming need no TensorFlow
    return registry.get_network(name)


def network_names():
    """Every accepted --model_name."""
    from models import registry
    return registry.network_names()
