"""The source of template.yaml and template-s3.yaml. `scripts/make-templates` writes them."""
