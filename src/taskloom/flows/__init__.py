"""What follows a completion, pure: document pipelines, process instances, dependencies."""
