"""Which published variant of a network a checkpoint holds, and how many classes.

A network may have been published in several forms: MobileNetV2 with two classifiers, MnasNet with
or without Keras names. `arguments` is what network.build gets, see estimator.run.arguments.
"""

from estimator.checkpoints import reading


def fitting(network, arguments, prefix):
    """(arguments, mismatches) of the variant nearest to a checkpoint, where flags leave it open.

    mismatches: see reading.mismatches.
    """
    best = None
    for form in [arguments] + [dict(arguments, **form) for form in network.alternatives
                               if not set(form) & set(arguments)]:
        wrong = reading.mismatches(prefix, network.variables(**form))
        if best is None or len(wrong) < len(best[1]):
            best = form, wrong
        if not wrong:
            break
    return best


def num_classes(network, arguments, prefix):
    """Classes of the network in a checkpoint: read off the variables only they make different."""
    native, held = network.num_classes, reading.shapes(prefix)
    found = set()
    for name, shape in network.variables(**dict(arguments, num_classes=native)).items():
        there = list(held.get(name, shape))
        if there != shape and there[:-1] == shape[:-1] and shape[-1] == native:
            found.add(there[-1])
    return found.pop() if len(found) == 1 else native
