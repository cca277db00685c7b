"""BPMN: model, parser, checks and execution, pure."""
