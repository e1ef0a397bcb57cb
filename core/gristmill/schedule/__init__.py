"""The scheduler: a state machine without I/O, clock or randomness. Events in, instructions out."""

from gristmill.schedule.config import SchedulerConfig
from gristmill.schedule.scheduler import Scheduler

__all__ = ["Scheduler", "SchedulerConfig"]
