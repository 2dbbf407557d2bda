"""A stand-in for npu_bridge, Ascend's adapter of TensorFlow 1.15, for tests on a CPU.

It has the adapter's names, signatures and refusals (signatures.csv, read from the public sources of
five versions), reduces between processes over sockets, and writes down every call. What it cannot
show: compilation, speed, arithmetic of a device. It is no part of the program.

Environment:
    NPU_STAND_IN_DIR       folder of the meeting point and of calls-RANK.jsonl (required)
    NPU_STAND_IN_VERSION   a column of signatures.csv; default master
    NPU_STAND_IN_TIMEOUT   seconds a rank waits for the others; default 200
    NPU_STAND_IN_OVERFLOW  numbers of updates, from 0, at which this process overflows: 2,3 or 1:2
                           (rank 1, update 2)
"""
