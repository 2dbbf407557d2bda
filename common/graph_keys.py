"""Names of graph collections through which the networks speak to the training head."""

# (moving statistic, its change) of every batch norm, when replicas train together: the change is
# to be averaged over them and subtracted. Without replicas it is in tf.GraphKeys.UPDATE_OPS.
STATISTICS = 'moving_statistics'
