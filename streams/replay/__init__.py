"""The past again: the clicks agent over records that were worked through before, in lock-step and in one order."""
