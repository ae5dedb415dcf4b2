"""The trial of many workers: real processes, killed while they work; the emulated service knows the truth."""
