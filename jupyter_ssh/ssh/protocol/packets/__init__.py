"""Binary packets on their way in and out: sealing and opening, queues, congestion, the age of the keys."""
