"""Which of the profile, dump and overflow hooks a run has, by its flags."""

from estimator.hooks.diagnostics import dump, overflow, profile
from estimator.hooks.diagnostics.steps import Steps


def hooks(params, run, throughput):
    """The hooks of these flags, to be used in every session of a run; first in the list of hooks
    but for the Throughput they keep the profiled steps out of.

    On an Ascend the flags configure the device's own tools, and there are no hooks.
    """
    if run.device.kind == 'npu' or run.plan is None:
        return []
    wanted = []
    if params.npu_dump_graph:
        wanted.append(dump.DumpGraph(params.dump_dir))
    if params.npu_dump_data:
        chosen = Steps(params.data_dump_step) if params.data_dump_step else None
        wanted.append(dump.DumpData(params.dump_dir, chosen, run.plan.train_steps, throughput,
                                    params.dump_examples))
    if params.npu_overflow_dump:
        wanted.append(overflow.DumpOverflow(params.dump_dir))
    if params.profiling:
        wanted.append(profile.Profile(params.profiling_dir, params.profile_steps,
                                      run.plan.train_steps, throughput, run.device.kind))
    return wanted
