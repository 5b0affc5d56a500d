"""The connections of this kernel: the registry, the class that users see, reconnecting, and listening to changes."""
