"""The flow adapter: definitions as records."""

import msgspec

from samples.processes import ServiceTask, process_xml
from taskloom.flows.bpmn.check import read_processes
from taskloom.flows.bpmn.flow import Definition, ProcessFlow, definition_of

DOCUMENT = process_xml(
    [
        ServiceTask(id="a", type="=kind + 1", retries="=n", headers={"k": "v"}, inputs=[("=x.y", "z.w")]),
        ServiceTask(id="b", type="static", outputs=[("text", "t"), ("=z", "u")]),
    ],
    version_tag="1",
)


def test_the_stored_model_is_the_one_that_was_deployed():
    (process,) = read_processes(DOCUMENT, "a.bpmn")

    executable = ProcessFlow().compile(1, definition_of(process, 3, "a.bpmn", DOCUMENT))

    assert (executable.version, executable.process) == (3, process)


def test_a_model_stored_in_another_form_is_read_from_its_document():
    (process,) = read_processes(DOCUMENT, "a.bpmn")
    older = Definition("row", 3, "a.bpmn", DOCUMENT, form=0, executable=b"something else")

    executable = ProcessFlow().compile(1, msgspec.msgpack.encode(older))

    assert executable.process == process
