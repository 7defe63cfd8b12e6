"""The source of the templates and docs/parameters.md. Writer: `scripts/make-templates`."""
