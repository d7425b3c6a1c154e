"""The settings, in the groups of docs/settings.md; `app.settings.Settings` is all of them.

A new setting is a line in its group, a row in docs/settings.md, a value in tests/test_settings.py.
"""
