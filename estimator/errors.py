"""Errors of training and evaluation; each carries the exit code of the program."""


class EstimatorError(Exception):
    """Training or evaluation cannot go on; the message says why and what to type next."""
    exit_code = 1


class PlanError(EstimatorError):
    """The flags do not say how long to train, or contradict each other."""
    exit_code = 2


class NanError(EstimatorError):
    """The loss or a gradient became NaN or infinite."""
    exit_code = 4


class CheckpointError(EstimatorError):
    """A checkpoint is missing, damaged, or of another network."""
    exit_code = 5


class InputFailure(EstimatorError):
    """The input pipeline failed in the middle of a run: a bad record, image or file."""
    exit_code = 3
