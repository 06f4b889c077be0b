"""What is deployed to AWS, checked as far as that goes without AWS."""
