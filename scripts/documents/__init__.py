"""Checks of the Markdown files: links, shell blocks, commands in the text, and data."""
