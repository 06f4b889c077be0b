"""kefu on one machine: a stand-in for API Gateway, Lambda and the Redis service (`python -m infra.local`)."""
