"""The interactive prompt of ``gristmill sql``."""
