"""Readers that turn a file of a shop into records of ours."""
