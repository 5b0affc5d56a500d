"""What people are told about a connection: progress, failures, advice, the doctor."""
