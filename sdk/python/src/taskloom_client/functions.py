"""Functions as workers: how an input becomes arguments, and how any kind of function is run to its end."""

import asyncio
import inspect
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, get_type_hints

import msgspec

from taskloom_client.task import Task


class Work:
    """A function and the queue it works for."""

    def __init__(self, function: Callable[..., Any], queue: str, level: int | None) -> None:
        self.function = function
        self.queue = queue
        self.level = level
        hints = get_type_hints(function)
        self._parameters = list(inspect.signature(function).parameters)
        self._hints = {name: hints.get(name, Any) for name in self._parameters}
        self._task_parameter = next((name for name, hint in self._hints.items() if hint is Task), None)
        self._names = [name for name in self._parameters if name != self._task_parameter]
        self._is_async = inspect.iscoroutinefunction(function)
        self._is_stream = inspect.isgeneratorfunction(function)
        self._is_async_stream = inspect.isasyncgenfunction(function)

    async def run(self, task: Task, threads: Executor) -> Any:
        """The function's result; what it yields is told as progress."""
        arguments = self._arguments(task)
        if self._is_async:
            return await self.function(**arguments)
        if self._is_async_stream:
            async for told in self.function(**arguments):
                task.progress(told)
            return None
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(threads, self._blocking, task, arguments)

    def _blocking(self, task: Task, arguments: dict[str, Any]) -> Any:
        if not self._is_stream:
            return self.function(**arguments)
        stream = self.function(**arguments)
        while True:
            try:
                told = next(stream)
            except StopIteration as end:
                return end.value
            if task.cancelled:
                stream.close()
                return None
            task.progress(told)

    def _arguments(self, task: Task) -> dict[str, Any]:
        """The task where it is asked for; members of the input by name, or the input as the one argument."""
        given: dict[str, Any] = {self._task_parameter: task} if self._task_parameter else {}
        if not self._names:
            return given
        raw = task.raw_input()
        if raw[:1] == b"{" and not (len(self._names) == 1 and self._takes_whole(self._names[0])):
            members = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
            for name in self._names:
                if name in members:
                    given[name] = msgspec.json.decode(members[name], type=self._hints[name])
            return given
        name = self._names[0]
        return {**given, name: msgspec.json.decode(raw, type=self._hints[name])}

    def _takes_whole(self, name: str) -> bool:
        """Whether the one parameter stands for the whole input: it is typed as an object."""
        hint = self._hints[name]
        is_struct = isinstance(hint, type) and issubclass(hint, msgspec.Struct)
        return is_struct or hint is dict or getattr(hint, "__origin__", None) is dict
