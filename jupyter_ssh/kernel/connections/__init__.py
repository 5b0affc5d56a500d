"""The connections of this kernel: which there are, who holds them, and how a lost one comes back."""
