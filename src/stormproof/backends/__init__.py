"""Who carries a plan out: one worker in this process, or several elsewhere. See docs/scale.md."""
