"""The coordinator: plans a chain's stages and drives workers through them; the shell around the scheduler."""
