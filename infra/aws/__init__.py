"""kefu on AWS: one stack, made, changed and removed by `python -m infra.aws`."""
