"""The scheduler: a state machine without I/O, clock or randomness. Events in, instructions out."""

from gristmill.schedule.config import SchedulerConfig

__all__ = ["SchedulerConfig"]
