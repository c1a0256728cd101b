"""Data sets: read, checked, made up, imported, grouped, split and resized."""
