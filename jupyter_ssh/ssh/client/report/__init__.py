"""What is said about a connection: progress, failures, advice, the doctor."""
