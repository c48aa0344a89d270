"""Judgements before anybody asks for them, and slates of campaigns."""
