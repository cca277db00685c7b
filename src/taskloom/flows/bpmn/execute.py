"""The execution of one process instance: a trigger comes in, tokens move as far as they can, and it rests.

A reaction is a row of moves, first in first out. `Enter` begins an element: input mappings, then what its
type does. `Continue` repeats or goes on with the step an element is in. Leaving an element puts an `Enter`
for each of its ways out. A step that fails leaves its element where it is, with an incident; resolving it is
the same `Continue` again. When the budget of moves is used up, the rest stays in the instance and
`ProceedLater` asks for the next reaction.
"""

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from taskloom.core.limits import EXPRESSION_STEPS
from taskloom.flows.bpmn import incidents, jobs
from taskloom.flows.bpmn.effects import ProceedLater
from taskloom.flows.bpmn.elements.register import BY_TAG
from taskloom.flows.bpmn.events import InstanceCompleted, InstanceCreated, InstanceTerminated
from taskloom.flows.bpmn.limits import ACTIVE_ELEMENTS_MAX
from taskloom.flows.bpmn.mappings import apply_inputs, apply_outputs
from taskloom.flows.bpmn.model import Process
from taskloom.flows.bpmn.run import Failure, Run
from taskloom.flows.bpmn.state import (
    Continue,
    ElementInstance,
    Enter,
    IncidentKind,
    Instance,
    InstanceState,
    Phase,
    Terminate,
)
from taskloom.flows.bpmn.triggers import (
    Cancel,
    ErrorThrown,
    JobCompleted,
    JobFailed,
    JobLost,
    JobResumed,
    Moment,
    Proceed,
    Reaction,
    Reason,
    Refused,
    ResolveIncident,
    RetriesUpdated,
    SetVariables,
    Trigger,
)


def create(instance: Instance, process: Process, variables: Mapping[str, bytes], moment: Moment) -> Reaction:
    """Begin a new instance, which so far has no more than its key and its definition."""
    root = ElementInstance(instance.key, process.id, 0, Phase.ACTIVATED)
    run = Run(instance, process, moment)
    run.scopes[root.key] = root
    run.events.append(InstanceCreated(instance.key, instance.process, instance.definition, instance.version))
    run.set_local(root.key, variables)
    run.open_scope(root.key, process.start)
    return _work(run)


def react(instance: Instance, trigger: Trigger, process: Process, moment: Moment) -> Reaction | Refused:
    """What a trigger makes of an instance; a refused one changes nothing."""
    is_over = instance.state not in (InstanceState.ACTIVE, InstanceState.TERMINATING)
    if is_over or (instance.state is InstanceState.TERMINATING and not isinstance(trigger, Proceed)):
        return Refused(Reason.INSTANCE_ENDED, instance.key)
    run = Run(instance, process, moment)
    refused = _HANDLERS[type(trigger)](run, trigger)
    return refused or _work(run)


def _work(run: Run) -> Reaction:
    for _ in range(run.moment.moves_max):
        if not run.moves or run.steps > EXPRESSION_STEPS:
            break
        move = run.moves.popleft()
        if isinstance(move, Enter):
            _enter(run, move)
        elif isinstance(move, Continue):
            _go_on(run, move.element_instance)
        else:
            _terminate(run, move)
    if run.moves:
        run.effects.append(ProceedLater(run.key))
    return run.reaction()


def _enter(run: Run, move: Enter) -> None:
    _activate(run, run.begin(run.process.elements[move.element], move.scope))


def _go_on(run: Run, key: int) -> None:
    me = run.scopes.get(key)
    if me is None:  # it was terminated meanwhile
        return
    if me.phase is Phase.ACTIVATING:
        _activate(run, key)
    elif key == run.key:
        _complete_instance(run)
    else:
        _complete(run, key)


def _activate(run: Run, key: int) -> None:
    if len(run.scopes) > ACTIVE_ELEMENTS_MAX:
        text = f"The process instance has more than {ACTIVE_ELEMENTS_MAX} active elements"
        run.stop(key, Failure(IncidentKind.UNKNOWN, text))
        return
    element = run.element(run.scopes[key])
    outcome = apply_inputs(run, key, element.inputs) or BY_TAG[element.type].activate(run, key)
    if isinstance(outcome, Failure):
        run.stop(key, outcome)
    elif outcome == "waits":
        run.wait(key)
    else:
        run.complete_later(key)


def _complete(run: Run, key: int) -> None:
    failure = apply_outputs(run, key, run.element(run.scopes[key]).outputs)
    if failure is not None:
        run.stop(key, failure)
    else:
        run.leave(key)


def _complete_instance(run: Run) -> None:
    run.state = InstanceState.COMPLETED
    run.events.append(InstanceCompleted(run.key))


def _terminate(run: Run, move: Terminate) -> None:
    """End the newest element of the instance; the instance itself comes last."""
    newest = next(reversed(run.scopes))
    if newest == run.key:
        run.state = InstanceState.TERMINATED
        run.events.append(InstanceTerminated(run.key))
        return
    run.end_early(run.scopes[newest])
    run.moves.append(move)


def _set_variables(run: Run, trigger: SetVariables) -> Refused | None:
    if trigger.element_instance not in run.scopes:
        return Refused(Reason.SCOPE_UNKNOWN, trigger.element_instance)
    write = run.set_local if trigger.is_local else run.propagate
    write(trigger.element_instance, trigger.variables)
    return None


def _cancel(run: Run, _trigger: Cancel) -> Refused | None:
    run.state = InstanceState.TERMINATING
    run.moves = deque([Terminate(run.key)])
    return None


def _proceed(_run: Run, _trigger: Proceed) -> Refused | None:
    """The moves that were left over are made as after any other trigger."""
    return None


_HANDLERS: Mapping[type, Callable[[Run, Any], Refused | None]] = {
    JobCompleted: jobs.complete,
    JobFailed: jobs.fail,
    ErrorThrown: jobs.throw_error,
    RetriesUpdated: jobs.update_retries,
    JobResumed: jobs.resume,
    JobLost: jobs.lose,
    ResolveIncident: incidents.resolve,
    SetVariables: _set_variables,
    Cancel: _cancel,
    Proceed: _proceed,
}
