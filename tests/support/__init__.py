"""What several test folders use: peers to talk to, and the rules of the house."""
