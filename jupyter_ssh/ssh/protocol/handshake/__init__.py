"""From KEXINIT to NEWKEYS in both directions: negotiation, the key exchange methods, keys that come into use."""
