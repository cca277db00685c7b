"""The bounds of the BPMN flow that are not bounds of the whole product."""

from taskloom.core.xmltree import XmlLimits

XML_LIMITS = XmlLimits(
    document_bytes=5 * 1024 * 1024, elements=200_000, attributes=1_000_000, attributes_per_element=200
)

ELEMENTS_MAX = 5_000
"""Flow elements (tasks, events, later gateways and sub-processes) in one file."""

SEQUENCE_FLOWS_MAX = 20_000
PROBLEMS_REPORTED_MAX = 100
ID_CHARS_MAX = 255
NAME_CHARS_MAX = 4_000
EXPRESSION_CHARS_MAX = 32_768
TARGET_SEGMENTS_MAX = 20

ACTIVE_ELEMENTS_MAX = 10_000
"""Active element instances of one process instance; a token beyond it stops with an incident."""

QUOTED_CHARS_MAX = 100
"""A text from a stranger that is quoted inside a message is cut here."""
