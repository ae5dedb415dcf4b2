"""Measurements of what the library costs; README.md beside this file tells of each."""
