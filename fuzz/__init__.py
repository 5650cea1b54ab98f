"""Searches for texts that break what the condition language promises, guided by the code that they reach."""
