"""How keys are spelled towards people and workers of documents."""

from typing import Final

from taskloom.core.ids import parse, spell

TASK: Final = "task_"
UPLOAD: Final = "upl_"

__all__ = ["TASK", "UPLOAD", "parse", "spell"]
