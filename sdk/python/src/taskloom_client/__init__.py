"""Client and worker for Taskloom."""

from taskloom_client.calls import new_task
from taskloom_client.client import AsyncClient, AsyncHandle, Client, Handle
from taskloom_client.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    RateLimitedError,
    TaskFailedError,
    TaskloomError,
    UnauthorizedError,
    UnavailableError,
    WaitTimeoutError,
)
from taskloom_client.outcomes import Fatal, RateLimited, Reply, Retry
from taskloom_client.task import Task
from taskloom_client.wire import NewTask, TaskView
from taskloom_client.worker import Worker

__all__ = [
    "AsyncClient",
    "AsyncHandle",
    "Client",
    "ConflictError",
    "Fatal",
    "ForbiddenError",
    "Handle",
    "InvalidError",
    "NewTask",
    "NotFoundError",
    "RateLimited",
    "RateLimitedError",
    "Reply",
    "Retry",
    "Task",
    "TaskFailedError",
    "TaskView",
    "TaskloomError",
    "UnauthorizedError",
    "UnavailableError",
    "WaitTimeoutError",
    "Worker",
    "new_task",
]
