"""Binary packets: sealing and opening, queues, congestion, the age of the keys."""
