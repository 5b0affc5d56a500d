"""The way to a host: straight, through a proxy, or through jump hosts."""
