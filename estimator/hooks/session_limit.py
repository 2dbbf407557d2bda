"""Notices a session that does not begin."""

import threading

import tensorflow.compat.v1 as tf


class SessionLimit(tf.train.SessionRunHook):
    """Calls then(seconds) in a thread when a session has not begun that many seconds later."""

    def __init__(self, seconds, then):
        self._seconds, self._then = seconds, then

    def begin(self):
        self._timer = threading.Timer(self._seconds, self._then, [self._seconds])
        self._timer.daemon = True
        self._timer.start()

    def after_create_session(self, session, coord):
        self._timer.cancel()
