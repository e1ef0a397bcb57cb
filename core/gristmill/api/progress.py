"""What a running chain tells whoever watches it (``gm.run(job, progress=f)``): see gristmill.coordinator.progress."""

from gristmill.coordinator.progress import ChainState, Progress, StageProgress

__all__ = ["ChainState", "Progress", "StageProgress"]
