"""Where things lie in the repository and in its virtual environment."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "locks"
VENV = ROOT / ".venv"
GUARD = ROOT / ".venv.guard"  # beside the environment, which is cleared when it is made anew
STAMPS = VENV / "stamps"
PROGRAMS = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = PROGRAMS / "python"
SDK = ROOT / "sdk" / "python"
CONSOLE_SOURCE = ROOT / "console"
TEST_CLIENTS = ROOT / "tests" / "clients"
