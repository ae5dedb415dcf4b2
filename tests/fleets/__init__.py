"""The trial of a fleet: real sockets, a process that is killed; the emulated service knows the truth."""
