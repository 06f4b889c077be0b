"""The package as it is deployed: what it holds, and that it carries conversations with what it is granted alone."""
