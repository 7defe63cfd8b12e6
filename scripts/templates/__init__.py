"""The source of template.yaml and template-s3.yaml. Writer: `scripts/make-templates`."""
