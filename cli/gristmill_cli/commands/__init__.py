"""The commands, a module each: what the user may say, and the few steps that carry it out."""
