"""What surrounds the deployed code; nothing in here is deployed."""
